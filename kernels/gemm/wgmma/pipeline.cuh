#pragma once

#include <common/warp_uniform.cuh>
#include <gemm/wgmma/tiles.hpp>
#include <ptx/cluster.cuh>
#include <ptx/memory.cuh>
#include <ptx/tma.cuh>

namespace qlinear::kernels {

/// Holds the constants of a row of `kWgmmaTiles` for device code.
template <int kTileIndex>
struct WgmmaTraits {
  static constexpr WgmmaTile kTile = kWgmmaTiles[kTileIndex];
  static constexpr bool kSwapAB = kTile.swap_ab;
  static constexpr int kTileM = kTile.tile_m();
  static constexpr int kTileN = kTile.tile_n();
  static constexpr int kColumns = kTile.columns;
  static constexpr int kStages = kTile.stages;
  static constexpr int kConsumers = kTile.consumers();
  static constexpr int kClusterM = kTile.cluster_m;
  static constexpr int kThreads = kTile.threads();
  static constexpr int kBlocks = kTile.blocks_per_sm;
  static constexpr int kStageBytes = kTile.stage_bytes();
  static constexpr int kRowBytes = kTile.row_bytes();
  static constexpr int kPipelineBytes = kStages * kStageBytes;
  static constexpr int kStagingBytes = kTile.staging_bytes();
  static constexpr int kColumnDataBytes = kTile.column_data_bytes();
  static constexpr bool kStoresDirectly = kTile.stores_directly();
  static constexpr bool kMaySplitK = kTile.max_split_k() > 1;
  static constexpr bool kSendsPartialSumsApart = kTile.sends_partial_sums_apart();
  static constexpr int kApartBytes = kTile.apart_bytes();
  static constexpr bool kSpreadsWeightRows = kTile.spreads_weight_rows();
};

/// Says how many of an SM's 65536 registers a block has.
template <class TIn, int kTileIndex>
struct WgmmaRegisters {
  using Traits = WgmmaTraits<kTileIndex>;
  /// Told of more threads, the compiler leaves registers for other blocks.
  static constexpr bool kLeavesSome = Traits::kTile.leaves_registers(static_cast<int>(sizeof(TIn)));
  static constexpr int kMaxThreads = kLeavesSome ? 512 : Traits::kThreads;
  /// With 160 columns and more, the accumulators of a consumer thread need registers of the
  /// producer's, too.
  static constexpr bool kMoves = !kLeavesSome && Traits::kColumns >= 160;
};

/// Lays out a block's shared memory: the pipeline's stages, staging and barriers.
template <int kTileIndex>
class WgmmaPipeline {
  using Traits = WgmmaTraits<kTileIndex>;

 public:
  __device__ WgmmaPipeline() : WgmmaPipeline(ptx::dynamic_shared_memory()) {}

  /// Returns the same layout from a warp-uniform address, for barriers, TMA and descriptors. The
  /// compiler no longer knows that it points to shared memory, so ordinary accesses through it are
  /// slower. All threads call it.
  __device__ WgmmaPipeline uniform() const { return WgmmaPipeline(warp_uniform(memory_)); }

  __device__ unsigned char* rows(int stage) const { return memory_ + stage * Traits::kStageBytes; }
  __device__ unsigned char* columns(int stage) const { return rows(stage) + Traits::kRowBytes; }
  /// The pipeline serves as plain memory once it has been drained.
  __device__ unsigned char* memory() const { return memory_; }
  __device__ unsigned char* staging(int consumer_warp) const {
    return memory_ + Traits::kPipelineBytes + consumer_warp * kWgmmaWarpStagingBytes;
  }
  __device__ unsigned char* column_data(int consumer) const {
    return staging(Traits::kConsumers * 4) + consumer * Traits::kColumnDataBytes;
  }
  __device__ unsigned char* apart() const {
    return memory_ + Traits::kPipelineBytes + Traits::kStagingBytes;
  }
  __device__ ptx::Mbarrier* full(int stage) const { return full_ + stage; }
  __device__ ptx::Mbarrier* empty(int stage) const { return empty_ + stage; }

  /// Partial sums from other blocks of the cluster arrive at this barrier.
  __device__ ptx::Mbarrier* partial_sums() const { return partial_sums_; }
  /// This barrier completes when every block's pipeline is free for partial sums.
  __device__ ptx::Mbarrier* drained() const { return drained_; }

  /// Initialises the barriers: called by one thread before the block's first barrier. `slices`
  /// blocks of a cluster split K.
  __device__ void initialise(unsigned slices) const {
    for (int stage = 0; stage < Traits::kStages; ++stage) {
      ptx::mbarrier_init(full(stage), 1);
      ptx::mbarrier_init(empty(stage), Traits::kConsumers * Traits::kClusterM);
    }
    ptx::mbarrier_init(partial_sums_, 1);
    ptx::mbarrier_init(drained_, slices);
    ptx::fence_mbarrier_init();
  }

 private:
  __device__ explicit WgmmaPipeline(unsigned char* memory)
      : memory_(memory),
        full_(reinterpret_cast<ptx::Mbarrier*>(memory_ + Traits::kPipelineBytes +
                                               Traits::kStagingBytes + Traits::kApartBytes)),
        empty_(full_ + Traits::kStages),
        partial_sums_(empty_ + Traits::kStages),
        drained_(partial_sums_ + 1) {}

  unsigned char* memory_;
  ptx::Mbarrier* full_;
  ptx::Mbarrier* empty_;
  ptx::Mbarrier* partial_sums_;
  ptx::Mbarrier* drained_;
};

/// A position in the pipeline: the stage, and the parity of the phase that its barriers are in.
template <int kStages>
struct PipelineCursor {
  int stage = 0;
  unsigned parity = 0;

  __device__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

/// Numbers the named barriers: all consumers share one, and each consumer warpgroup has one.
inline constexpr int kConsumerBarrier = 1;
inline constexpr int kFirstStoreBarrier = 2;

/// A consumer warpgroup's accumulators are 64 rows by the tile's columns. Register 4 j + i of a
/// thread is element i of the 16 x 8 fragment of columns 8 j and on, with 16 rows a warp: lane l
/// holds rows l / 4 and l / 4 + 8, columns l % 4 * 2 and the next.
template <int kColumns>
struct WgmmaAccumulators {
  int value[kColumns / 2];
};

}  // namespace qlinear::kernels
