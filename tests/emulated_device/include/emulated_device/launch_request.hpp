#pragma once

#include <driver_types.h>
#include <vector_types.h>

#include <cstddef>
#include <functional>
#include <string>

namespace qlinear::emulated_device {

/// One kernel launch with its arguments bound.
struct LaunchRequest {
  std::string name;
  const void* function;  ///< The kernel, for its attributes.
  dim3 grid;
  dim3 block;
  dim3 cluster;
  std::size_t dynamic_shared_bytes;
  std::size_t parameter_bytes;
  bool programmatic_dependent;
  std::function<void()> body;  ///< What one thread does.
};

/// Checks the request against the current device and enqueues it on `stream`.
cudaError_t launch(LaunchRequest request, cudaStream_t stream);

}  // namespace qlinear::emulated_device
