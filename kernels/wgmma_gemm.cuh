#pragma once

#include <dispatch_element.hpp>
#include <ptx/bar_sync.cuh>
#include <ptx/griddepcontrol.cuh>
#include <ptx/launch.cuh>
#include <ptx/setmaxnreg.cuh>
#include <ptx/wgmma.cuh>
#include <rasterize.cuh>
#include <split_k.hpp>
#include <staged_rows.cuh>
#include <tensor_map.hpp>
#include <wgmma_gemm.hpp>
#include <wgmma_pipeline.cuh>

#include <algorithm>
#include <utility>

namespace qlinear::kernels {

/// A tile in wgmma's terms: first row and first column of its 64-row and its N operand.
struct WgmmaWork {
  std::int64_t first_row;
  std::int64_t first_column;
};

/// Which tiles a block computes, one after the other, and which stages of K.
template <int kTileIndex>
class WgmmaSchedule {
  using Traits = WgmmaTraits<kTileIndex>;

 public:
  __device__ explicit WgmmaSchedule(const GemmProblem& p)
      : tiles_m_((p.m + Traits::kTileM - 1) / Traits::kTileM),
        tiles_n_((p.n + Traits::kTileN - 1) / Traits::kTileN),
        rank_(ptx::cluster_ctarank()),
        blocks_(ptx::cluster_nctarank()),
        all_steps_(static_cast<int>((p.k + kWgmmaTileK - 1) / kWgmmaTileK)) {}

  __device__ unsigned rank() const { return rank_; }
  __device__ unsigned blocks() const { return blocks_; }

  __device__ int first_step() const { return kSplits ? slice(rank_) : 0; }
  __device__ int end_step() const { return kSplits ? slice(rank_ + 1) : all_steps_; }

  __device__ std::int64_t first_tile() const { return blockIdx.x / blocks_; }
  __device__ std::int64_t end_tile() const {
    return kSplits ? tiles_m_ * tiles_n_ : (tiles_m_ + 1) / 2 * tiles_n_;
  }
  __device__ std::int64_t tile_step() const { return gridDim.x / blocks_; }

  __device__ WgmmaWork work(std::int64_t tile) const {
    if constexpr (kSplits) {
      // Blocks that share weights follow each other.
      return oriented(tile % tiles_m_, tile / tiles_m_);
    } else {
      const TileIndex pair = rasterize(static_cast<unsigned>(tile), (tiles_m_ + 1) / 2, tiles_n_);
      return oriented(pair.m * 2 + rank_, pair.n);
    }
  }

 private:
  static constexpr bool kSplits = !Traits::kMulticast;

  __device__ int slice(unsigned rank) const {
    return static_cast<int>(std::int64_t{all_steps_} * rank / blocks_);
  }
  static __device__ WgmmaWork oriented(std::int64_t m, std::int64_t n) {
    const std::int64_t first_m = m * Traits::kTileM;
    const std::int64_t first_n = n * Traits::kTileN;
    return Traits::kSwapped ? WgmmaWork{first_n, first_m} : WgmmaWork{first_m, first_n};
  }

  std::int64_t tiles_m_;
  std::int64_t tiles_n_;
  unsigned rank_;
  unsigned blocks_;
  int all_steps_;
};

/// The thread that fills the ring.
template <int kTileIndex>
class WgmmaProducer {
  using Traits = WgmmaTraits<kTileIndex>;

 public:
  __device__ WgmmaProducer(const WgmmaRing<kTileIndex>& ring,
                           const WgmmaSchedule<kTileIndex>& schedule, const CUtensorMap* weights,
                           const CUtensorMap* tokens)
      : ring_(ring), schedule_(schedule), weights_(weights), tokens_(tokens) {}

  __device__ void run() {
    bool waited = false;
    for (std::int64_t tile = schedule_.first_tile(); tile < schedule_.end_tile();
         tile += schedule_.tile_step()) {
      const WgmmaWork work = schedule_.work(tile);
      int step = schedule_.first_step();
      if (!waited) {
        step = open(work, step);
        waited = true;
      }
      for (; step < schedule_.end_step(); ++step, cursor_.advance()) {
        ptx::mbarrier_wait_parity(ring_.empty(cursor_.slot), cursor_.parity ^ 1);
        ptx::mbarrier_arrive_expect_tx(ring_.full(cursor_.slot), Traits::kStageBytes);
        load_weights(work, step, cursor_.slot);
        load_tokens(work, step, cursor_.slot);
      }
    }
  }

 private:
  /// Fills the ring with weights while the quantize kernel may still run, then adds the tokens.
  __device__ int open(const WgmmaWork& work, int first_step) {
    const int filled = min(schedule_.end_step() - first_step, Traits::kStages);
    for (int i = 0; i < filled; ++i) {
      ptx::mbarrier_arrive_expect_tx(ring_.full(i), Traits::kStageBytes);
      load_weights(work, first_step + i, i);
    }
    ptx::griddepcontrol_wait();
    for (int i = 0; i < filled; ++i, cursor_.advance()) load_tokens(work, first_step + i, i);
    return first_step + filled;
  }

  __device__ void load_weights(const WgmmaWork& work, int step, int slot) const {
    ptx::Mbarrier* full = ring_.full(slot);
    if constexpr (Traits::kSwapped) {
      ptx::tma_load_2d(ring_.rows(slot), weights_, step * kWgmmaTileK,
                       static_cast<int>(work.first_row), full, ptx::L2Policy::EvictFirst);
    } else {
      constexpr int kHalf = Traits::kColumns / 2;
      const int rank = static_cast<int>(schedule_.rank());
      ptx::tma_load_2d_multicast(ring_.columns(slot) + rank * kHalf * kWgmmaTileK, weights_,
                                 step * kWgmmaTileK,
                                 static_cast<int>(work.first_column) + rank * kHalf, full, 0b11,
                                 ptx::L2Policy::EvictNormal);
    }
  }

  __device__ void load_tokens(const WgmmaWork& work, int step, int slot) const {
    const auto policy = Traits::kSwapped ? ptx::L2Policy::EvictLast : ptx::L2Policy::EvictNormal;
    unsigned char* target = Traits::kSwapped ? ring_.columns(slot) : ring_.rows(slot);
    const std::int64_t first = Traits::kSwapped ? work.first_column : work.first_row;
    ptx::tma_load_2d(target, tokens_, step * kWgmmaTileK, static_cast<int>(first), ring_.full(slot),
                     policy);
  }

  const WgmmaRing<kTileIndex>& ring_;
  const WgmmaSchedule<kTileIndex>& schedule_;
  const CUtensorMap* weights_;
  const CUtensorMap* tokens_;
  RingCursor<Traits::kStages> cursor_;
};

/// A consumer warpgroup's sums: 64 rows by the tile's columns. Register 4 j + i of a thread belongs
/// to columns 8 j.., in the fragment layout of mma.m16n8k32, 16 rows a warp.
template <int kColumns>
struct WgmmaSums {
  int value[kColumns / 2];

  /// Sums 32 columns (or all, if fewer) from `kFirst` on as rows of output: 16 rows of `kPitch`.
  template <int kFirst, int kCount, int kPitch>
  __device__ void stage(int* staging) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    int* upper = staging + lane / 4 * kPitch + lane % 4 * 2;
    int* lower = upper + 8 * kPitch;
#pragma unroll
    for (int j = 0; j < kCount / 8; ++j) {
      const int* s = value + (kFirst / 8 + j) * 4;
      ptx::st_shared(reinterpret_cast<int2*>(upper + j * 8), make_int2(s[0], s[1]));
      ptx::st_shared(reinterpret_cast<int2*>(lower + j * 8), make_int2(s[2], s[3]));
    }
  }

  /// The same columns as rows: `kCount` rows of 16 sums.
  template <int kFirst, int kCount, int kPitch>
  __device__ void stage_transposed(int* staging) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    int* corner = staging + lane % 4 * 2 * kPitch + lane / 4;
#pragma unroll
    for (int j = 0; j < kCount / 8; ++j) {
      const int* s = value + (kFirst / 8 + j) * 4;
      ptx::st_shared(corner + j * 8 * kPitch, s[0]);
      ptx::st_shared(corner + (j * 8 + 1) * kPitch, s[1]);
      ptx::st_shared(corner + j * 8 * kPitch + 8, s[2]);
      ptx::st_shared(corner + (j * 8 + 1) * kPitch + 8, s[3]);
    }
  }
};

/// Multiplies a tile's stages. One group of wgmma stays in flight while the next stage is awaited.
template <int kTileIndex, bool kUnsignedWeights>
__device__ __forceinline__ void wgmma_mainloop(const WgmmaRing<kTileIndex>& ring,
                                               const WgmmaSchedule<kTileIndex>& schedule,
                                               RingCursor<WgmmaTraits<kTileIndex>::kStages>& cursor,
                                               WgmmaSums<WgmmaTraits<kTileIndex>::kColumns>& sums,
                                               int consumer) {
  using Traits = WgmmaTraits<kTileIndex>;
  const bool releases = threadIdx.x % 128 == 0;
  const auto release = [&](int slot) {
    if (!releases) return;
    if constexpr (Traits::kMulticast) {
      ptx::mbarrier_arrive_cluster(ring.empty(slot), 0);
      ptx::mbarrier_arrive_cluster(ring.empty(slot), 1);
    } else {
      ptx::mbarrier_arrive(ring.empty(slot));
    }
  };
  int previous = -1;
  for (int step = schedule.first_step(); step < schedule.end_step(); ++step, cursor.advance()) {
    ptx::mbarrier_wait_parity(ring.full(cursor.slot), cursor.parity);
    const std::uint64_t rows =
        ptx::wgmma_descriptor(ring.rows(cursor.slot) + consumer * 64 * kWgmmaTileK);
    const std::uint64_t columns = ptx::wgmma_descriptor(ring.columns(cursor.slot));
    ptx::wgmma_fence_registers(sums.value);
    ptx::wgmma_fence();
#pragma unroll
    for (int i = 0; i < kWgmmaTileK / 32; ++i) {
      constexpr std::uint64_t kStep = 32 / 16;
      ptx::wgmma_m64k32<Traits::kColumns, Traits::kSwapped && kUnsignedWeights,
                        !Traits::kSwapped && kUnsignedWeights>(
          sums.value, rows + i * kStep, columns + i * kStep, previous >= 0 || i > 0);
    }
    ptx::wgmma_commit_group();
    if (previous >= 0) {
      ptx::wgmma_wait_group<1>();
      release(previous);
    }
    previous = cursor.slot;
  }
  ptx::wgmma_wait_group<0>();
  ptx::wgmma_fence_registers(sums.value);
  if (previous >= 0) release(previous);
}

/// Stores a warp's 16 rows, 32 columns at a time.
template <class TIn, int kTileIndex, int kFirst = 0>
__device__ __forceinline__ void wgmma_store(
    const GemmProblem& p, const WgmmaSums<WgmmaTraits<kTileIndex>::kColumns>& sums, int* staging,
    const WgmmaWork& warp_work) {
  using Traits = WgmmaTraits<kTileIndex>;
  if constexpr (kFirst < Traits::kColumns) {
    constexpr int kCount = Traits::kColumns - kFirst < 32 ? Traits::kColumns - kFirst : 32;
    __syncwarp();
    if constexpr (Traits::kSwapped) {
      constexpr int kPitch =
          16 + 4;  // Eight rows of a column lie in eight banks, four columns apart.
      sums.template stage_transposed<kFirst, kCount, kPitch>(staging);
      __syncwarp();
      StagedRows<TIn, 16, kPitch>(p, staging, warp_work.first_row)
          .template store<kCount>(warp_work.first_column + kFirst);
    } else {
      constexpr int kPitch = 32 + 8;
      sums.template stage<kFirst, kCount, kPitch>(staging);
      __syncwarp();
      StagedRows<TIn, kCount, kPitch>(p, staging, warp_work.first_column + kFirst)
          .template store<16>(warp_work.first_row);
    }
    wgmma_store<TIn, kTileIndex, kFirst + kCount>(p, sums, staging, warp_work);
  }
}

__device__ __forceinline__ void barrier_cluster() {
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
}

/// Adds the sums of all blocks of the cluster to those of block 0, through the drained ring as
/// distributed shared memory. Every consumer thread calls it; the producers' warpgroup takes part
/// in its two cluster barriers.
template <int kTileIndex>
__device__ __forceinline__ void reduce_cluster(WgmmaSums<WgmmaTraits<kTileIndex>::kColumns>& sums,
                                               const WgmmaRing<kTileIndex>& ring, unsigned rank,
                                               unsigned blocks) {
  constexpr int kThreads = WgmmaTraits<kTileIndex>::kConsumers * 128;
  constexpr int kPairs = WgmmaTraits<kTileIndex>::kColumns / 4;
  constexpr int kConsumerBarrier = 1;
  auto* exchange = reinterpret_cast<int2*>(ring.memory()) + (threadIdx.x - 128);
  ptx::bar_sync(kConsumerBarrier, kThreads);  // Until no warpgroup reads the ring any more.
  if (rank != 0) {
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      ptx::st_shared(exchange + i * kThreads, make_int2(sums.value[2 * i], sums.value[2 * i + 1]));
    }
  }
  barrier_cluster();
  for (unsigned other = 1; rank == 0 && other < blocks; ++other) {
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      const int2 pair = ptx::ld_shared_cluster(exchange + i * kThreads, other);
      sums.value[2 * i] += pair.x;
      sums.value[2 * i + 1] += pair.y;
    }
  }
  barrier_cluster();  // Until block 0 has read the others' shared memory.
}

/// The consumers' part of `wgmma_gemm`.
template <class TIn, class TWQ, int kTileIndex>
__device__ __forceinline__ void wgmma_consume(const GemmProblem& p,
                                              const WgmmaRing<kTileIndex>& ring,
                                              const WgmmaSchedule<kTileIndex>& schedule) {
  using Traits = WgmmaTraits<kTileIndex>;
  const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
  RingCursor<Traits::kStages> cursor;
  ptx::griddepcontrol_wait();
  for (std::int64_t tile = schedule.first_tile(); tile < schedule.end_tile();
       tile += schedule.tile_step()) {
    WgmmaSums<Traits::kColumns> sums{};
    wgmma_mainloop<kTileIndex, std::is_same_v<TWQ, U8>>(ring, schedule, cursor, sums, warp / 4);
    if (!Traits::kMulticast && schedule.blocks() > 1) {
      reduce_cluster<kTileIndex>(sums, ring, schedule.rank(), schedule.blocks());
      if (schedule.rank() != 0) return;
    }
    WgmmaWork work = schedule.work(tile);
    work.first_row += warp * 16;
    wgmma_store<TIn, kTileIndex>(p, sums, ring.staging(warp), work);
  }
}

/// Warpgroup 0 produces, the others consume. Grid and cluster as `launch_wgmma_tile` sets them: a
/// cluster that splits K has one tile, one that multicasts walks over pairs of tiles.
template <class TIn, class TWQ, int kTileIndex>
__global__ void __launch_bounds__(WgmmaTraits<kTileIndex>::kThreads,
                                  WgmmaTraits<kTileIndex>::kBlocks)
    wgmma_gemm(const __grid_constant__ CUtensorMap weights,
               const __grid_constant__ CUtensorMap tokens, GemmProblem p) {
  using Traits = WgmmaTraits<kTileIndex>;
  const WgmmaRing<kTileIndex> ring;
  const WgmmaSchedule<kTileIndex> schedule(p);
  const bool splits = !Traits::kMulticast && schedule.blocks() > 1;
  if (threadIdx.x == 0) ring.initialise(Traits::kMulticast ? schedule.blocks() : 1);
  __syncthreads();
  if (Traits::kMulticast) barrier_cluster();

  if (threadIdx.x < 128) {
    if constexpr (Traits::kMovesRegisters) ptx::setmaxnreg_dec<40>();
    if (threadIdx.x == 0) {
      WgmmaProducer<kTileIndex>(ring, schedule, &weights, &tokens).run();
    }
    __syncwarp();
    if (splits) {
      barrier_cluster();
      barrier_cluster();
    }
  } else {
    if constexpr (Traits::kMovesRegisters) ptx::setmaxnreg_inc<232>();
    wgmma_consume<TIn, TWQ, kTileIndex>(p, ring, schedule);
  }
  // A block's shared memory must live until the other's last copies and arrivals have come.
  if (Traits::kMulticast) barrier_cluster();
}

template <int kTileIndex>
cudaError_t encode_wgmma_operands(const GemmProblem& p, CUtensorMap& weights, CUtensorMap& tokens) {
  constexpr WgmmaTile kTile = kWgmmaTiles[kTileIndex];
  constexpr bool kMulticast = kTile.cluster == ClusterUse::MulticastWeights;
  if (p.k == 0) return cudaSuccess;
  constexpr int kWeightRows = kMulticast ? kTile.tile_n() / 2 : kTile.tile_n();
  const cudaError_t error = encode_tensor_map(weights, p.b, p.n, p.k, p.ldb, kWeightRows);
  if (error != cudaSuccess) return error;
  return encode_tensor_map(tokens, p.a, p.m, p.k, p.lda, kTile.tile_m());
}

/// Splitting kernels: a cluster of `split_k` blocks for each tile. Multicasting kernels: as many
/// pairs of blocks as fit at once, each walking over pairs of tiles.
template <class TIn, int kTileIndex>
cudaError_t launch_wgmma_tile(const GemmProblem& p, cudaStream_t stream) {
  constexpr WgmmaTile kTile = kWgmmaTiles[kTileIndex];
  CUtensorMap weights{};
  CUtensorMap tokens{};
  const cudaError_t error = encode_wgmma_operands<kTileIndex>(p, weights, tokens);
  if (error != cudaSuccess) return error;

  LaunchConfig config{kTile.name, dim3(1), dim3(kTile.threads())};
  if (kTile.cluster == ClusterUse::SplitK) {
    const std::int64_t tiles = tile_count(p.m, p.n, kTile.tile_m(), kTile.tile_n());
    config.grid = dim3(static_cast<unsigned>(tiles * p.split_k));
    config.cluster = dim3(static_cast<unsigned>(p.split_k));
  } else {
    const std::int64_t pairs = tile_count(p.m, p.n, 2 * kTile.tile_m(), kTile.tile_n());
    const std::int64_t resident = p.multiprocessors * kTile.blocks_per_multiprocessor / 2;
    config.grid = dim3(2 * static_cast<unsigned>(std::clamp<std::int64_t>(resident, 1, pairs)));
    config.cluster = dim3(2);
  }
  config.dynamic_shared_bytes = kTile.shared_bytes();
  config.stream = stream;
  config.programmatic_dependent = p.programmatic_dependent;
  return dispatch_weight(p.weight_element, [&](auto weight) {
    using TWQ = typename decltype(weight)::Type;
    return launch_kernel<&wgmma_gemm<TIn, TWQ, kTileIndex>>(config, weights, tokens, p);
  });
}

template <class TIn, int... kTiles>
constexpr auto wgmma_launchers(std::integer_sequence<int, kTiles...>) {
  return std::array<GemmLauncher, sizeof...(kTiles)>{&launch_wgmma_tile<TIn, kTiles>...};
}

template <class TIn>
cudaError_t launch_wgmma_gemm_for(int tile, const GemmProblem& p, cudaStream_t stream) {
  constexpr auto kCount = static_cast<int>(kWgmmaTiles.size());
  static constexpr auto kLaunchers =
      wgmma_launchers<TIn>(std::make_integer_sequence<int, kCount>{});
  return kLaunchers[static_cast<std::size_t>(tile)](p, stream);
}

}  // namespace qlinear::kernels
