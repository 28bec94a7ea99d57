#include <ptx/intrinsics.cuh>
#include <runtime/cluster_occupancy.hpp>
#include <runtime/launch_config.cuh>

namespace qlinear::kernels {
namespace {

/// Never runs. It stands for every kernel in clusters, since shared memory alone limits them.
__global__ void cluster_occupancy_probe() {}

}  // namespace

cudaError_t clusters_at_once(int cluster_blocks, std::size_t shared_bytes, int& clusters) {
  constexpr unsigned kThreads = 384;
  const cudaError_t allowed = allow_dynamic_shared_memory<&cluster_occupancy_probe>(shared_bytes);
  if (allowed != cudaSuccess) return allowed;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = static_cast<unsigned>(cluster_blocks);
  attribute.val.clusterDim.y = 1;
  attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t launch{};
  launch.gridDim = dim3(static_cast<unsigned>(cluster_blocks));
  launch.blockDim = dim3(kThreads);
  launch.dynamicSmemBytes = shared_bytes;
  launch.attrs = &attribute;
  launch.numAttrs = 1;
  return cudaOccupancyMaxActiveClusters(
      &clusters, reinterpret_cast<const void*>(&cluster_occupancy_probe), &launch);
}

}  // namespace qlinear::kernels
