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
  static constexpr bool kSwapped = kTile.swapped;
  static constexpr int kTileM = kTile.tile_m();
  static constexpr int kTileN = kTile.tile_n();
  static constexpr int kColumns = kTile.columns;
  static constexpr int kStages = kTile.stages;
  static constexpr int kConsumers = kTile.consumers();
  static constexpr int kSharers = kTile.sharers;
  static constexpr int kThreads = kTile.threads();
  static constexpr int kBlocks = kTile.blocks_per_multiprocessor;
  static constexpr int kStageBytes = kTile.stage_bytes();
  static constexpr int kRowBytes = kTile.row_bytes();
  static constexpr int kRingBytes = kStages * kStageBytes;
  static constexpr int kStagingBytes = kTile.staging_bytes();
  static constexpr int kColumnDataBytes = kTile.column_data_bytes();
  static constexpr bool kStoresDirectly = kTile.stores_directly();
  static constexpr bool kMaySplitK = kTile.max_split_k() > 1;
  static constexpr bool kSendsSumsApart = kTile.sends_sums_apart();
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
class WgmmaRing {
  using Traits = WgmmaTraits<kTileIndex>;

 public:
  __device__ WgmmaRing() : WgmmaRing(ptx::dynamic_shared_memory()) {}

  /// Returns the same layout from a warp-uniform address, for barriers, TMA and descriptors. The
  /// compiler no longer knows that it points to shared memory, so ordinary accesses through it are
  /// slower. All threads call it.
  __device__ WgmmaRing uniform() const { return WgmmaRing(warp_uniform(memory_)); }

  __device__ unsigned char* rows(int slot) const { return memory_ + slot * Traits::kStageBytes; }
  __device__ unsigned char* columns(int slot) const { return rows(slot) + Traits::kRowBytes; }
  /// The pipeline serves as plain memory once it has been drained.
  __device__ unsigned char* memory() const { return memory_; }
  __device__ unsigned char* staging(int consumer_warp) const {
    return memory_ + Traits::kRingBytes + consumer_warp * kWgmmaWarpStagingBytes;
  }
  __device__ unsigned char* column_data(int consumer) const {
    return staging(Traits::kConsumers * 4) + consumer * Traits::kColumnDataBytes;
  }
  __device__ unsigned char* apart() const {
    return memory_ + Traits::kRingBytes + Traits::kStagingBytes;
  }
  __device__ ptx::Mbarrier* full(int slot) const { return full_ + slot; }
  __device__ ptx::Mbarrier* empty(int slot) const { return empty_ + slot; }

  /// Partial sums from other blocks of the cluster arrive at this barrier.
  __device__ ptx::Mbarrier* sums() const { return sums_; }
  /// This barrier completes when every block's pipeline is free for partial sums.
  __device__ ptx::Mbarrier* drained() const { return drained_; }

  /// Initialises the barriers: called by one thread before the block's first barrier. `slices`
  /// blocks of a cluster split K.
  __device__ void initialise(unsigned slices) const {
    for (int slot = 0; slot < Traits::kStages; ++slot) {
      ptx::mbarrier_init(full(slot), 1);
      ptx::mbarrier_init(empty(slot), Traits::kConsumers * Traits::kSharers);
    }
    ptx::mbarrier_init(sums_, 1);
    ptx::mbarrier_init(drained_, slices);
    ptx::fence_mbarrier_init();
  }

 private:
  __device__ explicit WgmmaRing(unsigned char* memory)
      : memory_(memory),
        full_(reinterpret_cast<ptx::Mbarrier*>(memory_ + Traits::kRingBytes +
                                               Traits::kStagingBytes + Traits::kApartBytes)),
        empty_(full_ + Traits::kStages),
        sums_(empty_ + Traits::kStages),
        drained_(sums_ + 1) {}

  unsigned char* memory_;
  ptx::Mbarrier* full_;
  ptx::Mbarrier* empty_;
  ptx::Mbarrier* sums_;
  ptx::Mbarrier* drained_;
};

/// A position in the pipeline: the stage, and the parity of the phase that its barriers are in.
template <int kStages>
struct RingCursor {
  int slot = 0;
  unsigned parity = 0;

  __device__ void advance() {
    if (++slot == kStages) {
      slot = 0;
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
struct WgmmaSums {
  int value[kColumns / 2];
};

}  // namespace qlinear::kernels
