#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace qlinear::test {

/// For the test's own calls of the CUDA runtime: throws with the runtime's text, which GoogleTest
/// reports as a failure.
inline void check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(error));
}

}  // namespace qlinear::test
