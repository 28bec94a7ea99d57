#pragma once

#include <driver_types.h>
#include <vector_types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <new>

namespace qlinear::emulated_device {

/// One kernel launch with its arguments bound.
struct LaunchRequest {
  const char* name;      ///< Static storage.
  const void* function;  ///< The kernel, for its attributes.
  dim3 grid;
  dim3 block;
  dim3 cluster;
  std::size_t dynamic_shared_bytes;
  std::size_t parameter_bytes;
  bool programmatic_dependent;
  std::shared_ptr<void> arguments;  ///< What `body` passes on.
  std::function<void()> body;       ///< What one thread does.
};

/// Memory for a launch's arguments, from the device's side: a launch makes its caller allocate
/// nothing, as on a GPU.
std::shared_ptr<void> argument_storage(std::size_t bytes, std::align_val_t alignment);

/// Checks the request against the current device and enqueues it on `stream`.
cudaError_t launch(LaunchRequest request, cudaStream_t stream);

}  // namespace qlinear::emulated_device
