#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace qlinear::kernels {

/// How to start one kernel.
struct LaunchConfig {
  const char* name;  ///< For diagnostics of the emulated device.
  dim3 grid;
  dim3 block;
  std::size_t dynamic_shared_bytes = 0;
  cudaStream_t stream = nullptr;
  dim3 cluster = dim3(1, 1, 1);         ///< (1,1,1): launched without the cluster attribute.
  bool programmatic_dependent = false;  ///< May start before its predecessor in the stream ends.
};

/// Lets `kKernel` use `bytes` of dynamic shared memory on the current device. Remembers what it
/// did, since the runtime call costs more than a launch may.
template <auto kKernel>
cudaError_t allow_dynamic_shared_memory(std::size_t bytes) {
  constexpr std::size_t kAlwaysAllowed = 48 * 1024;
  constexpr int kDevices = 64;
  static std::atomic<std::uint32_t> allowed[kDevices];
  if (bytes <= kAlwaysAllowed) return cudaSuccess;
  int device = 0;
  if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return error;
  const bool remembered = device < kDevices;
  if (remembered && allowed[device].load(std::memory_order_relaxed) >= bytes) return cudaSuccess;
  const cudaError_t error =
      cudaFuncSetAttribute(reinterpret_cast<const void*>(kKernel),
                           cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
  if (error == cudaSuccess && remembered) {
    allowed[device].store(static_cast<std::uint32_t>(bytes), std::memory_order_relaxed);
  }
  return error;
}

}  // namespace qlinear::kernels
