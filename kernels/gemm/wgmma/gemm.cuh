#pragma once

#include <common/dispatch_element.hpp>
#include <common/gated_rows.hpp>
#include <gemm/split_k.hpp>
#include <gemm/tile_tokens.hpp>
#include <gemm/weight_map.hpp>
#include <gemm/wgmma/direct_store.cuh>
#include <gemm/wgmma/gemm.hpp>
#include <gemm/wgmma/pipeline.cuh>
#include <gemm/wgmma/reduce.cuh>
#include <gemm/wgmma/schedule.cuh>
#include <gemm/wgmma/store.cuh>
#include <ptx/elect_sync.cuh>
#include <ptx/griddepcontrol.cuh>
#include <ptx/setmaxnreg.cuh>
#include <ptx/wgmma.cuh>
#include <runtime/launch.cuh>

#include <algorithm>
#include <utility>

namespace qlinear::kernels {

/// Fills the pipeline, from one thread.
template <int kTileIndex>
class WgmmaProducer {
  using Traits = WgmmaTraits<kTileIndex>;
  // Tiles of gated weights have whole pairs of blocks.
  static constexpr int kGatedRows = 2 * kGatedBlock;
  static_assert(Traits::kTileN % kGatedRows == 0, "N of a tile is a multiple of 16, for gates");

 public:
  __device__ WgmmaProducer(const WgmmaPipeline<kTileIndex>& pipeline,
                           const WgmmaSchedule<kTileIndex>& schedule, const CUtensorMap* weights,
                           const CUtensorMap* tokens, bool gated)
      : pipeline_(pipeline),
        schedule_(schedule),
        weights_(weights),
        tokens_(tokens),
        gated_(gated) {}

  /// Preloads weights of the first tile while earlier kernels may still run.
  __device__ void open() const {
    if (schedule_.first_tile() >= schedule_.end_tile()) return;
    const WgmmaWork work = schedule_.work(schedule_.first_tile());
    for (int i = 0; i < opened_steps(); ++i) {
      ptx::mbarrier_arrive_expect_tx(pipeline_.full(i), loaded_bytes());
      load_weights(work, schedule_.first_step() + i, i);
    }
  }

  /// Loads the tokens of the stages that `open` started, then all further stages.
  __device__ void run() {
    ptx::griddepcontrol_wait();
    int skipped = opened_steps();
    for (int tile = schedule_.first_tile(); tile < schedule_.end_tile();
         tile += schedule_.tile_step()) {
      const WgmmaWork work = schedule_.work(tile);
      int step = schedule_.first_step();
      for (; skipped > 0; --skipped, ++step, cursor_.advance()) {
        load_tokens(work, step, cursor_.stage);
      }
      for (; step < schedule_.end_step(); ++step, cursor_.advance()) {
        ptx::mbarrier_wait_parity(pipeline_.empty(cursor_.stage), cursor_.parity ^ 1);
        ptx::mbarrier_arrive_expect_tx(pipeline_.full(cursor_.stage), loaded_bytes());
        load_weights(work, step, cursor_.stage);
        load_tokens(work, step, cursor_.stage);
      }
    }
  }

 private:
  /// Returns the bytes of a stage. Rows past a tile's tokens and weight rows only reach
  /// accumulators that nobody stores.
  __device__ unsigned loaded_bytes() const {
    return static_cast<unsigned>((schedule_.tile_weight_rows() + schedule_.tile_tokens()) *
                                 kWgmmaTileK);
  }

  /// Preload weights for at most half the K slice and 3/4 of the stages: activation loads queue
  /// behind them in the TMA unit.
  __device__ int opened_steps() const {
    const int steps = schedule_.end_step() - schedule_.first_step();
    return min((steps + 1) / 2, Traits::kStages * 3 / 4);
  }

  __device__ void load_weights(const WgmmaWork& work, int step, int stage) const {
    constexpr auto kPolicy =
        Traits::kSwapAB ? ptx::L2Policy::EvictFirst : ptx::L2Policy::EvictNormal;
    unsigned char* target = Traits::kSwapAB ? pipeline_.rows(stage) : pipeline_.columns(stage);
    const int first = Traits::kSwapAB ? work.first_row : work.first_column;
    if constexpr (Traits::kClusterM > 1) {
      constexpr unsigned short kAllBlocks = (1 << Traits::kClusterM) - 1;
      constexpr int kPartRows = Traits::kTileN / Traits::kClusterM;
      static_assert(kPartRows % kGatedRows == 0);
      const int part = static_cast<int>(schedule_.rank()) * kPartRows;
      if (gated_) {
        ptx::tma_load_4d_multicast(target + part * kWgmmaTileK, weights_, step * kWgmmaTileK,
                                   (first + part) / kGatedRows, pipeline_.full(stage), kAllBlocks,
                                   kPolicy);
      } else {
        ptx::tma_load_2d_multicast(target + part * kWgmmaTileK, weights_, step * kWgmmaTileK,
                                   first + part, pipeline_.full(stage), kAllBlocks, kPolicy);
      }
    } else if (gated_) {
      ptx::tma_load_4d(target, weights_, step * kWgmmaTileK, first / kGatedRows,
                       pipeline_.full(stage), kPolicy);
    } else {
      ptx::tma_load_2d(target, weights_, step * kWgmmaTileK, first, pipeline_.full(stage), kPolicy);
    }
  }

  __device__ void load_tokens(const WgmmaWork& work, int step, int stage) const {
    constexpr auto kPolicy =
        Traits::kSwapAB ? ptx::L2Policy::EvictLast : ptx::L2Policy::EvictNormal;
    unsigned char* target = Traits::kSwapAB ? pipeline_.columns(stage) : pipeline_.rows(stage);
    const int first = Traits::kSwapAB ? work.first_column : work.first_row;
    ptx::tma_load_2d(target, tokens_, step * kWgmmaTileK, first, pipeline_.full(stage), kPolicy);
  }

  const WgmmaPipeline<kTileIndex>& pipeline_;
  const WgmmaSchedule<kTileIndex>& schedule_;
  const CUtensorMap* weights_;
  const CUtensorMap* tokens_;
  bool gated_;
  PipelineCursor<Traits::kStages> cursor_;
};

/// Multiplies a tile's stages. One group of wgmma stays in flight while the next stage is awaited.
template <int kTileIndex, bool kUnsignedWeights>
__device__ __forceinline__ void wgmma_mainloop(
    const WgmmaPipeline<kTileIndex>& pipeline, const WgmmaSchedule<kTileIndex>& schedule,
    PipelineCursor<WgmmaTraits<kTileIndex>::kStages>& cursor,
    WgmmaAccumulators<WgmmaTraits<kTileIndex>::kColumns>& accumulators, int consumer) {
  using Traits = WgmmaTraits<kTileIndex>;
  const auto release = [&](int stage) {
    const unsigned thread = threadIdx.x % 128;
    if constexpr (Traits::kClusterM > 1) {
      if (thread < Traits::kClusterM) ptx::mbarrier_arrive_cluster(pipeline.empty(stage), thread);
    } else {
      if (thread == 0) ptx::mbarrier_arrive(pipeline.empty(stage));
    }
  };
  int previous = -1;
  for (int step = schedule.first_step(); step < schedule.end_step(); ++step, cursor.advance()) {
    ptx::mbarrier_wait_parity(pipeline.full(cursor.stage), cursor.parity);
    const std::uint64_t rows =
        ptx::wgmma_descriptor(pipeline.rows(cursor.stage) + consumer * 64 * kWgmmaTileK);
    const std::uint64_t columns = ptx::wgmma_descriptor(pipeline.columns(cursor.stage));
    ptx::wgmma_fence_registers(accumulators.value);
    ptx::wgmma_fence();
#pragma unroll
    for (int i = 0; i < kWgmmaTileK / 32; ++i) {
      const std::uint64_t step_of_k = static_cast<std::uint64_t>(i) * (32 / 16);
      ptx::wgmma_m64k32<Traits::kColumns, Traits::kSwapAB && kUnsignedWeights,
                        !Traits::kSwapAB && kUnsignedWeights>(
          accumulators.value, rows + step_of_k, columns + step_of_k, previous >= 0 || i > 0);
    }
    ptx::wgmma_commit_group();
    if (previous >= 0) {
      ptx::wgmma_wait_group<1>();
      release(previous);
    }
    previous = cursor.stage;
  }
  ptx::wgmma_wait_group<0>();
  ptx::wgmma_fence_registers(accumulators.value);
  if (previous >= 0) release(previous);
}

/// Runs the consumer warpgroups of `wgmma_gemm`.
template <class TIn, class TWQ, int kTileIndex, bool kOptions>
__device__ __forceinline__ void wgmma_consume(
    const GemmProblem& p, const WgmmaPipeline<kTileIndex>& pipeline,
    const WgmmaPipeline<kTileIndex>& uniform_pipeline, const WgmmaSchedule<kTileIndex>& schedule,
    const ClusterReduction<kTileIndex>& cluster_reduction) {
  using Traits = WgmmaTraits<kTileIndex>;
  const int warp = warp_uniform(static_cast<int>(threadIdx.x) / 32) - 4;
  PipelineCursor<Traits::kStages> cursor;
  ptx::griddepcontrol_wait();
  if (!p.launch.launch_dependents_late) ptx::griddepcontrol_launch_dependents();
  for (int tile = schedule.first_tile(); tile < schedule.end_tile(); tile += schedule.tile_step()) {
    WgmmaWork work = schedule.work(tile);
    work.first_row += warp * 16;
    const auto store = [&] {
      if constexpr (Traits::kStoresDirectly) {
        return WgmmaDirectStore<TIn, kTileIndex, kOptions>(p, work);
      } else {
        return WgmmaStore<TIn, kTileIndex, kOptions>(p, work, pipeline.column_data(warp / 4),
                                                     pipeline.staging(warp),
                                                     kFirstStoreBarrier + warp / 4);
      }
    }();
    WgmmaAccumulators<Traits::kColumns> accumulators{};
    wgmma_mainloop<kTileIndex, std::is_same_v<TWQ, U8>>(uniform_pipeline, schedule, cursor,
                                                        accumulators, warp / 4);
    store.share_columns();
    const bool splits = schedule.slices() > 1;
    // A warp decides as one; otherwise the main loop would have no uniform registers.
    const bool stores = !splits || warp_uniform(int{cluster_reduction.add_up(accumulators)}) != 0;
    if (stores) store.store(accumulators);
    if (splits) return;  // A block that splits K computes one tile only.
    store.await_readers();
  }
}

/// Warpgroup 0 produces, the others consume. `launch_wgmma_tile` sets grid and cluster. The box of
/// the map `tokens` has `tile_tokens` rows, that of `weights` `tile_weight_rows`. Without
/// `kOptions` it serves problems whose epilogue has none.
template <class TIn, class TWQ, int kTileIndex, bool kOptions>
__global__ void __launch_bounds__(WgmmaRegisters<TIn, kTileIndex>::kMaxThreads,
                                  WgmmaTraits<kTileIndex>::kBlocks)
    wgmma_gemm(const __grid_constant__ CUtensorMap weights,
               const __grid_constant__ CUtensorMap tokens, GemmProblem p, int tile_tokens,
               int tile_weight_rows) {
  using Traits = WgmmaTraits<kTileIndex>;
  using Registers = WgmmaRegisters<TIn, kTileIndex>;
  const WgmmaPipeline<kTileIndex> pipeline;
  const WgmmaPipeline<kTileIndex> uniform_pipeline = pipeline.uniform();
  const WgmmaSchedule<kTileIndex> schedule(p, tile_tokens, tile_weight_rows);
  constexpr bool kMulticast = Traits::kClusterM > 1;
  const bool in_cluster = kMulticast || schedule.slices() > 1;
  const ClusterReduction<kTileIndex> cluster_reduction(pipeline, schedule.rank(),
                                                       schedule.slices());
  WgmmaProducer<kTileIndex> producer(uniform_pipeline, schedule, &weights, &tokens,
                                     kOptions && p.epilogue.gate_rows != 0);
  if (threadIdx.x == 0 && ptx::elect_sync(1)) {
    pipeline.initialise(schedule.slices());
    if (p.operands.k > 0) ptx::prefetch_tensormap(&tokens);
    if (!kMulticast) producer.open();
    if (schedule.slices() > 1) cluster_reduction.expect();
  }
  __syncthreads();
  if (in_cluster) ptx::barrier_cluster_arrive_relaxed();
  // No multicast may reach another block before its barriers are initialised.
  if (kMulticast) ptx::barrier_cluster_wait();

  if (threadIdx.x < 128) {
    if constexpr (Registers::kMoves) ptx::setmaxnreg_dec<40>();
    if (threadIdx.x == 0 && ptx::elect_sync(1)) {
      if (kMulticast) producer.open();
      producer.run();
      if (p.launch.launch_dependents_late) ptx::griddepcontrol_launch_dependents();
    }
    __syncwarp();
    if (in_cluster && !kMulticast) ptx::barrier_cluster_wait();
  } else {
    if constexpr (Registers::kMoves) ptx::setmaxnreg_inc<232>();
    wgmma_consume<TIn, TWQ, kTileIndex, kOptions>(p, pipeline, uniform_pipeline, schedule,
                                                  cluster_reduction);
  }
  if (kMulticast) {  // No block exits while others still send to it.
    ptx::barrier_cluster_arrive_relaxed();
    ptx::barrier_cluster_wait();
  }
}

inline int weight_rows_of_tile(const WgmmaTile& tile, const GemmProblem& p) {
  if (!tile.spreads_weight_rows()) return tile.tile_n();
  const std::int64_t blocks = std::int64_t{p.schedule.num_sms} * tile.blocks_per_sm;
  const int group = p.epilogue.gate_rows != 0 ? 2 * kGatedBlock : 8;
  return tile_weight_rows(p.operands.m, p.operands.n, tile.tile_m(), tile.tile_n(), blocks,
                          p.schedule.split_k, group);
}

/// Launches a cluster of `split_k` blocks for each tile. Without a split, it launches as many
/// blocks or clusters as run at once; each walks over tiles, so that the next tile's stages load
/// while one is stored.
template <class TIn, int kTileIndex>
cudaError_t launch_wgmma_tile(const GemmProblem& p, cudaStream_t stream) {
  constexpr WgmmaTile kTile = kWgmmaTiles[kTileIndex];
  const int tokens_of_tile = tile_tokens(p.operands.m, kTile.tile_m(), kTile.cluster_m);
  const int rows_of_tile = weight_rows_of_tile(kTile, p);
  CUtensorMap weights{};
  CUtensorMap tokens{};
  if (p.operands.k > 0) {
    cudaError_t error = encode_weight_map(weights, p, rows_of_tile / kTile.cluster_m);
    if (error != cudaSuccess) return error;
    error = encode_tensor_map(tokens, p.operands.a, p.operands.m, p.operands.k, p.operands.lda,
                              tokens_of_tile);
    if (error != cudaSuccess) return error;
  }
  const int cluster = p.schedule.split_k * kTile.cluster_m;
  const std::int64_t clusters =
      tile_count(p.operands.m, p.operands.n, kTile.tile_m() * kTile.cluster_m, rows_of_tile);
  const std::int64_t resident = std::max(1, p.schedule.num_sms * kTile.blocks_per_sm / cluster);
  const std::int64_t blocks =
      (p.schedule.split_k > 1 ? clusters : std::min(clusters, resident)) * cluster;
  LaunchConfig config{kTile.name, dim3(static_cast<unsigned>(blocks)), dim3(kTile.threads())};
  config.cluster = dim3(static_cast<unsigned>(cluster));
  config.dynamic_shared_bytes = kTile.shared_bytes();
  // Keep two blocks off one SM while another SM idles. Larger clusters are exempt: fewer of them
  // may run at once than the SMs have room for.
  if (blocks <= p.schedule.num_sms && cluster <= 2) {
    config.dynamic_shared_bytes = std::max(config.dynamic_shared_bytes, kLoneBlockSharedBytes);
  }
  config.stream = stream;
  config.programmatic_dependent = p.launch.programmatic_dependent;
  return dispatch_weight<kTile.types, TIn>(p.operands.weight_element, [&](auto weight) {
    using TWQ = typename decltype(weight)::Type;
    constexpr TypePairs kPlain = kWgmmaTiles[kTileIndex].plain_types();
    if constexpr (kPlain.contains(element_kind_v<TIn>, element_kind_v<TWQ>)) {
      if (!p.epilogue.has_options()) {
        return launch_kernel<&wgmma_gemm<TIn, TWQ, kTileIndex, false>>(
            config, weights, tokens, p, tokens_of_tile, rows_of_tile);
      }
    }
    return launch_kernel<&wgmma_gemm<TIn, TWQ, kTileIndex, true>>(config, weights, tokens, p,
                                                                  tokens_of_tile, rows_of_tile);
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
