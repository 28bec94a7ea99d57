#pragma once

#include <driver_types.h>
#include <vector_types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <new>

namespace qlinear::emulated_device {

/// A kernel launch with its arguments bound.
struct LaunchRequest {
  const char* name;      ///< It has static storage.
  const void* function;  ///< The kernel, for its attributes.
  dim3 grid;
  dim3 block;
  dim3 cluster;
  std::size_t dynamic_shared_bytes;
  std::size_t parameter_bytes;
  bool programmatic_dependent;
  std::shared_ptr<void> arguments;  ///< `body` passes them on.
  std::function<void()> body;       ///< One thread runs it.
};

/// Returns memory of the device's own for a launch's arguments: as on a GPU, a launch makes its
/// caller allocate nothing.
std::shared_ptr<void> argument_storage(std::size_t bytes, std::align_val_t alignment);

/// Checks the request against the current device and enqueues it on `stream`.
cudaError_t launch(LaunchRequest request, cudaStream_t stream);

}  // namespace qlinear::emulated_device
