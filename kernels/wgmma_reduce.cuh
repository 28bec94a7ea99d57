#pragma once

#include <ptx/bar_sync.cuh>
#include <split_k.cuh>
#include <wgmma_pipeline.cuh>

namespace qlinear::kernels {

/// Bytes of a block's sums.
template <int kTileIndex>
inline constexpr unsigned kSumBytes =
    WgmmaTraits<kTileIndex>::kConsumers * 64 * WgmmaTraits<kTileIndex>::kColumns * 4;

/// Adds the sums of all blocks of the cluster to those of block 0, for which it returns true. The
/// others send theirs to its ring once that has been drained. Every consumer thread calls it.
template <int kTileIndex>
__device__ __forceinline__ bool reduce_cluster(WgmmaSums<WgmmaTraits<kTileIndex>::kColumns>& sums,
                                               const WgmmaRing<kTileIndex>& ring, unsigned rank,
                                               unsigned blocks) {
  constexpr unsigned kThreads = WgmmaTraits<kTileIndex>::kConsumers * 128;
  constexpr int kVectors = WgmmaTraits<kTileIndex>::kColumns / 8;
  const unsigned thread = threadIdx.x - 128;
  auto* received = reinterpret_cast<uint4*>(ring.memory()) + thread;
  ptx::barrier_cluster_wait();  // Opened when the barriers had been initialised.
  if (rank != 0) {
    ptx::mbarrier_wait_parity_cluster(ring.drained(), 0);
    received += (rank - 1) * kVectors * kThreads;
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      ptx::st_async(received + v * kThreads, pack_sums(sums.value + v * 4), ring.sums(), 0);
    }
    return false;
  }
  ptx::bar_sync(kConsumerBarrier, kThreads);  // Until no warpgroup reads the ring any more.
  if (thread > 0 && thread < blocks) ptx::mbarrier_arrive_cluster(ring.drained(), thread);
  ptx::mbarrier_wait_parity_cluster(ring.sums(), 0);
#pragma unroll 1
  for (unsigned other = 1; other < blocks; ++other, received += kVectors * kThreads) {
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      add_sums(sums.value + v * 4, ptx::ld_shared(received + v * kThreads));
    }
  }
  return true;
}

}  // namespace qlinear::kernels
