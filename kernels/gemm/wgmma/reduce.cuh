#pragma once

#include <gemm/split_k.cuh>
#include <gemm/wgmma/pipeline.cuh>
#include <ptx/bar_sync.cuh>

namespace qlinear::kernels {

/// Adds up a tile's partial sums over the blocks of a cluster that split its K. Blocks own equal
/// runs of warps: the owner of a warp receives that warp's partial sums from all other blocks and
/// stores the result, so that all blocks store an equal part.
template <int kTileIndex>
class ClusterReduction {
  using Traits = WgmmaTraits<kTileIndex>;
  using Accumulators = WgmmaAccumulators<Traits::kColumns>;
  // A lane's accumulators are this many vectors of 16 bytes.
  static constexpr int kVectors = Traits::kColumns / 8;
  static constexpr unsigned kWarps = Traits::kConsumers * 4;
  static constexpr unsigned kVectorBytes = 32 * 16;  // A warp sends this many bytes at once.
  static constexpr unsigned kWarpBytes = kVectors * kVectorBytes;

 public:
  __device__ ClusterReduction(const WgmmaPipeline<kTileIndex>& pipeline, unsigned rank,
                              unsigned blocks)
      : pipeline_(pipeline), rank_(rank), blocks_(blocks) {}

  /// Announces the bytes that will arrive; called by the thread that initialised the barriers.
  __device__ void expect() const {
    unsigned warps = 0;
    for (unsigned warp = 0; warp < kWarps; ++warp) warps += owner(warp) == rank_ ? 1U : 0U;
    ptx::mbarrier_arrive_expect_tx(pipeline_.partial_sums(), warps * (blocks_ - 1) * kWarpBytes);
  }

  /// Called by every consumer thread. Returns true in warps whose `accumulators` now hold those of
  /// all blocks; other warps have sent theirs away.
  __device__ __forceinline__ bool add_up(Accumulators& accumulators) const {
    const unsigned warp = threadIdx.x / 32 - 4;
    const bool apart = Traits::kSendsPartialSumsApart && blocks_ == 2;
    ptx::barrier_cluster_wait();  // It completes once every block has initialised its barriers.
    if (!apart) announce_drained();
    if (owner(warp) != rank_) {
      if (!apart) ptx::mbarrier_wait_parity_cluster(pipeline_.drained(), 0);
      send(accumulators, warp, apart);
      return false;
    }
    ptx::mbarrier_wait_parity_cluster(pipeline_.partial_sums(), 0);
    if (apart) {
      add(accumulators, [&](int v) { return place_apart(warp, v); });
    } else {
#pragma unroll 1
      for (unsigned sender = 0; sender + 1 < blocks_; ++sender) {
        add(accumulators, [&](int v) { return place_in_pipeline(warp, sender, v); });
      }
    }
    return true;
  }

 private:
  __device__ unsigned owner(unsigned warp) const { return warp * blocks_ / kWarps; }

  /// Returns where a lane of an owner's warp receives vector `v`: in the warp's own staging memory,
  /// then in that of a warp which the other block owns.
  __device__ uint4* place_apart(unsigned warp, int v) const {
    if constexpr (Traits::kStoresDirectly) {
      return place(pipeline_.apart() + warp % (kWarps / 2) * kWarpBytes, v);
    } else {
      constexpr int kStaged = kWgmmaWarpStagingBytes / static_cast<int>(kVectorBytes);
      static_assert(!Traits::kSendsPartialSumsApart || kVectors <= 2 * kStaged);
      const unsigned staging = v < kStaged ? warp : (warp + kWarps / 2) % kWarps;
      return place(pipeline_.staging(static_cast<int>(staging)), v % kStaged);
    }
  }

  /// Returns the place in the drained pipeline. `sender` numbers the blocks that send.
  __device__ uint4* place_in_pipeline(unsigned warp, unsigned sender, int v) const {
    return place(pipeline_.memory() + (sender * kWarps + warp) * kWarpBytes, v);
  }

  __device__ static uint4* place(unsigned char* memory, int v) {
    return reinterpret_cast<uint4*>(memory + v * static_cast<int>(kVectorBytes)) + threadIdx.x % 32;
  }

  /// Tells every block of the cluster that this block's pipeline is drained.
  __device__ void announce_drained() const {
    const unsigned thread = threadIdx.x - 128;
    // Wait until no warpgroup reads the stages any more.
    ptx::bar_sync(kConsumerBarrier, kWarps * 32);
    if (thread < blocks_) ptx::mbarrier_arrive_cluster(pipeline_.drained(), thread);
  }

  __device__ __forceinline__ void send(const Accumulators& accumulators, unsigned warp,
                                       bool apart) const {
    const unsigned sender = rank_ - (rank_ > owner(warp) ? 1 : 0);
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      uint4* target = apart ? place_apart(warp, v) : place_in_pipeline(warp, sender, v);
      ptx::st_async(target, pack_accumulators(accumulators.value + v * 4), pipeline_.partial_sums(),
                    owner(warp));
    }
  }

  template <class Place>
  __device__ __forceinline__ void add(Accumulators& accumulators, Place place) const {
#pragma unroll
    for (int v = 0; v < kVectors; ++v)
      add_accumulators(accumulators.value + v * 4, ptx::ld_shared(place(v)));
  }

  const WgmmaPipeline<kTileIndex>& pipeline_;
  unsigned rank_;
  unsigned blocks_;
};

}  // namespace qlinear::kernels
