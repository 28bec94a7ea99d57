#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace qlinear::kernels {

/// The largest cluster that every GPU with clusters takes.
inline constexpr int kMaxClusterBlocks = 8;

/// How many clusters of `cluster_blocks` blocks, each with `shared_bytes` of dynamic shared memory,
/// run at once on the current device. A cluster does not span two graphics processing clusters, so
/// these are fewer than the multiprocessors have room for. Compute capability 9.0 and later.
cudaError_t clusters_at_once(int cluster_blocks, std::size_t shared_bytes, int& clusters);

}  // namespace qlinear::kernels
