#pragma once

#include <runtime/launch_config.cuh>

#include <cuda_runtime_api.h>

#include <type_traits>

namespace qlinear::kernels {

/// Starts `kKernel(args...)`. The arguments must have exactly the parameter types of the kernel.
template <auto kKernel, class... Args>
cudaError_t launch_kernel(const LaunchConfig& config, Args... args) {
  static_assert(std::is_same_v<decltype(kKernel), void (*)(Args...)>,
                "the launch copies the arguments bytewise: their types must be the parameters'");
  if (const cudaError_t error = allow_dynamic_shared_memory<kKernel>(config.dynamic_shared_bytes);
      error != cudaSuccess) {
    return error;
  }
  cudaLaunchAttribute attributes[2];
  cudaLaunchConfig_t launch{};
  launch.gridDim = config.grid;
  launch.blockDim = config.block;
  launch.dynamicSmemBytes = config.dynamic_shared_bytes;
  launch.stream = config.stream;
  launch.attrs = attributes;
  const dim3 cluster = config.cluster;
  if (cluster.x * cluster.y * cluster.z > 1) {
    cudaLaunchAttribute& attribute = attributes[launch.numAttrs++];
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = cluster.x;
    attribute.val.clusterDim.y = cluster.y;
    attribute.val.clusterDim.z = cluster.z;
  }
  if (config.programmatic_dependent) {
    cudaLaunchAttribute& attribute = attributes[launch.numAttrs++];
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
  }
  void* pointers[] = {const_cast<void*>(static_cast<const void*>(&args))...};
  return cudaLaunchKernelExC(&launch, reinterpret_cast<const void*>(kKernel), pointers);
}

}  // namespace qlinear::kernels
