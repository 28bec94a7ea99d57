#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace qlinear::kernels {

/// The largest cluster that every GPU with clusters takes.
inline constexpr int kMaxClusterBlocks = 8;

/// Counts the clusters of `cluster_blocks` blocks, each with `shared_bytes` of dynamic shared
/// memory, that run at once on the current device. They are fewer than the SMs have room for, since
/// a cluster does not span two graphics processing clusters. Needs compute capability 9.0 or later.
cudaError_t clusters_at_once(int cluster_blocks, std::size_t shared_bytes, int& clusters);

}  // namespace qlinear::kernels
