#pragma once

#include <cuda_runtime_api.h>
#include <runtime/context.hpp>

#include <cstddef>
#include <cstdint>

namespace qlinear::kernels {

/// Says how to start one kernel.
struct LaunchConfig {
  const char* name;  ///< The emulated device's diagnostics show it.
  dim3 grid;
  dim3 block;
  std::size_t dynamic_shared_bytes = 0;
  cudaStream_t stream = nullptr;
  dim3 cluster = dim3(1, 1, 1);  ///< (1,1,1) launches without the cluster attribute.
  /// PDL: it may start before its predecessor in the stream ends.
  bool programmatic_dependent = false;
};

/// Lets `function` use as much dynamic shared memory as a block may have on the current device.
/// Kernels have no static shared memory, which would take part of it.
inline cudaError_t allow_all_shared_memory(const void* function) {
  int device = 0;
  int bytes = 0;
  if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return error;
  const cudaError_t error =
      cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (error != cudaSuccess) return error;
  return cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

/// Lets `kKernel` use `bytes` of dynamic shared memory in the current context. It remembers what it
/// did, since the runtime call costs more than a launch may. The size that it sets does not depend
/// on `bytes`, so threads that launch with different sizes cannot undo each other's.
template <auto kKernel>
cudaError_t allow_dynamic_shared_memory(std::size_t bytes) {
  constexpr std::size_t kAlwaysAllowed = 48 * 1024;
  static ContextSet allowed;
  if (bytes <= kAlwaysAllowed) return cudaSuccess;
  std::uint64_t context = 0;
  if (const cudaError_t error = current_context_id(context); error != cudaSuccess) return error;
  if (allowed.contains(context)) return cudaSuccess;
  const cudaError_t error = allow_all_shared_memory(reinterpret_cast<const void*>(kKernel));
  if (error == cudaSuccess) allowed.insert(context);
  return error;
}

}  // namespace qlinear::kernels
