#pragma once

#include <cuda_runtime_api.h>
#include <qlinear/status.hpp>

#include <stdexcept>
#include <string>

namespace qlinear::benchmark {

/// Throws std::runtime_error where a CUDA call failed.
inline void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  (void)cudaGetLastError();
  throw std::runtime_error(std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error));
}

inline void check(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

}  // namespace qlinear::benchmark
