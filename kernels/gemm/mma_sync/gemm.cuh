#pragma once

#include <common/dispatch_element.hpp>
#include <gemm/mma_sync/gemm.hpp>
#include <gemm/mma_sync/operand.cuh>
#include <gemm/mma_sync/store.cuh>
#include <gemm/mma_sync/warp.cuh>
#include <gemm/rasterize.cuh>
#include <gemm/split_k.cuh>
#include <ptx/griddepcontrol.cuh>
#include <ptx/special_registers.cuh>
#include <runtime/launch.cuh>

#include <algorithm>
#include <utility>

namespace qlinear::kernels {

/// Holds the types and constants of a row of `kMmaSyncTiles`.
template <class TIn, int kTile>
struct MmaSyncTraits {
  static constexpr MmaSyncTile tile = kMmaSyncTiles[kTile];
  static constexpr int kThreads = tile.threads();
  static constexpr int kWarpM = tile.m / tile.warps_m;
  static constexpr int kWarpN = tile.n / tile.warps_n;
  using A = MmaSyncOperand<tile.m, tile.k, kThreads, tile.any_alignment>;
  using B = MmaSyncOperand<tile.n, tile.k, kThreads, tile.any_alignment>;
  using Accumulators = WarpTile<kWarpM, kWarpN>;
  static constexpr int kStagingBytes = mma_sync_staging_bytes(kWarpM, kWarpN);
  static constexpr int kStageBytes = tile.stage_bytes();
  static constexpr std::size_t kSharedBytes = tile.pipeline_bytes();
  static_assert(tile.warps() * kStagingBytes <= kSharedBytes, "the store reuses the pipeline");
};

/// Adds up the products of a block's tile: fills the pipeline, then multiplies stages and refills
/// them in turn.
template <class Traits, bool kUnsignedB>
class MmaSyncMainloop {
  using A = typename Traits::A;
  using B = typename Traits::B;
  using Accumulators = typename Traits::Accumulators;
  static constexpr MmaSyncTile kTile = Traits::tile;
  static constexpr int kSteps = kTile.k / 32;
  // A step has this many parts, and each part is a turn.
  static constexpr int kParts = Accumulators::kFragmentsM;
  static constexpr int kLastStep = (kSteps - 1) * kParts;  // The first turn of the last step.
  static constexpr int kAhead = kTile.stages - 1;
  static constexpr int kPipelineBytes = kTile.stages * Traits::kStageBytes;
  static_assert(kSteps % 2 == 0, "fragments alternate between two buffers");

 public:
  __device__ __forceinline__ MmaSyncMainloop(const A& a, const B& b)
      : a_(a),
        b_(b),
        pipeline_(ptx::dynamic_shared_memory()),
        lane_(Accumulators::template lane_addresses<A, B>(
            pipeline_, Accumulators::template corner<kTile.n>())) {}

  /// Adds the products of stages `first` to `end - 1`.
  __device__ __forceinline__ void add(Accumulators& accumulators, int first, int end) {
    fill(first, end);
    int stage = first;
    if constexpr (!kTile.any_alignment) {
      const int inside = min(min(a_.stages_inside(), b_.stages_inside()), end) - kAhead;
      typename A::Stream a(a_, (first + kAhead) * kTile.k);
      typename B::Stream b(b_, (first + kAhead) * kTile.k);
#pragma unroll 1
      for (; stage < inside; ++stage) {
        multiply_stage(accumulators, true, [&](int turn) { refill(a, b, turn); });
      }
    }
#pragma unroll 1
    for (; stage < end; ++stage) {
      const int refilled = stage + kAhead < end ? stage + kAhead : -1;
      multiply_stage(accumulators, stage + 1 < end, [&](int turn) { refill_any(refilled, turn); });
    }
    ptx::cp_async_wait_group<0>();
    __syncthreads();
  }

 private:
  /// Loads the first stages, weights before the quantize kernel has ended and activations after,
  /// and reads the first fragments.
  __device__ __forceinline__ void fill(int first, int end) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (first + i < end) b_.load(b_stage(i * Traits::kStageBytes), (first + i) * kTile.k);
    }
    ptx::griddepcontrol_wait();
    ptx::griddepcontrol_launch_dependents();
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (first + i < end) a_.load(a_stage(i * Traits::kStageBytes), (first + i) * kTile.k);
      ptx::cp_async_commit_group();
    }
    ptx::cp_async_wait_group<kAhead - 1>();
    __syncthreads();
#pragma unroll
    for (int part = 0; part < kParts; ++part) read_part(0, part);
  }

  /// Multiplies the stage at `stage_offset_`. Fragments are read one step ahead of their use,
  /// across stages, too: while the last step of a stage is multiplied, the first step of the next
  /// is on its way. The barrier that makes a stage visible also says that every warp has read the
  /// stage before it, which is then refilled.
  ///
  /// A step's reads and copies are spread out between its products: the tensor cores would idle if
  /// all warps came from a barrier and did the same at once. `refill(turn)` issues the copies that
  /// belong there.
  template <class Refill>
  __device__ __forceinline__ void multiply_stage(Accumulators& accumulators, bool has_next,
                                                 Refill refill) {
    // Steps and parts share one loop: where there is one part, the compiler would drop the inner of
    // two loops, and with it the order to unroll the outer.
#pragma unroll
    for (int turn = 0; turn < kSteps * kParts; ++turn) {
      const int part = turn % kParts;
      const int k_step = turn / kParts;
      const int next_k_step = (k_step + 1) % kSteps;
      refill(turn);
      if (turn == kLastStep) next_stage();
      if (next_k_step != 0 || has_next) read_part(next_k_step, part);
      accumulators.template multiply_part<kTile.shape, kUnsignedB>(fragments_[k_step % 2], part);
    }
  }

  __device__ __forceinline__ void next_stage() {
    ptx::cp_async_wait_group<kAhead - 1>();
    __syncthreads();
    refilled_ = stage_offset_;
    stage_offset_ = stage_offset_ + Traits::kStageBytes == kPipelineBytes
                        ? 0
                        : stage_offset_ + Traits::kStageBytes;
  }

  __device__ __forceinline__ void read_part(int k_step, int part) {
    const auto offset = static_cast<ptx::SharedAddress>(stage_offset_);
    Accumulators::template read_part<A, B>(fragments_[k_step % 2],
                                           {lane_.a + offset, lane_.b + offset}, k_step, part);
  }

  /// Copies a stage that lies inside the matrix. The copies are spread over half a stage only: the
  /// later they start, the less of the memory's latency the stages in between hide.
  __device__ __forceinline__ void refill(typename A::Stream& a, typename B::Stream& b, int turn) {
    constexpr int kPasses = A::kPasses + B::kPasses;
    constexpr int kTurns = kSteps / 2 * kParts;
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      if (pass * kTurns / kPasses != turn) continue;
      if (pass < A::kPasses) {
        a.copy(a_stage(refilled_), pass);
      } else {
        b.copy(b_stage(refilled_), pass - A::kPasses);
      }
    }
    if (turn == kTurns) ptx::cp_async_commit_group();
  }

  /// Copies any stage, or none if it is negative, one operand at a time, so that registers hold the
  /// addresses of few copies.
  __device__ __forceinline__ void refill_any(int stage, int turn) {
    if (turn == 0 && stage >= 0) a_.load(a_stage(refilled_), stage * kTile.k);
    if (turn == kParts) {
      if (stage >= 0) b_.load(b_stage(refilled_), stage * kTile.k);
      ptx::cp_async_commit_group();
    }
  }

  __device__ __forceinline__ unsigned char* a_stage(int offset) const { return pipeline_ + offset; }
  __device__ __forceinline__ unsigned char* b_stage(int offset) const {
    return pipeline_ + offset + A::kStageBytes;
  }

  const A& a_;
  const B& b_;
  unsigned char* pipeline_;
  typename Accumulators::LaneAddresses lane_;  ///< The lane's addresses in the first stage.
  typename Accumulators::Fragments fragments_[2];
  int stage_offset_ = 0;  ///< Offset of the stage that is multiplied, in bytes.
  /// Offset of the stage to refill.
  int refilled_ = kAhead * Traits::kStageBytes;
};

/// A block's unit of work, and the first row and column of its tile.
struct MmaSyncWork {
  SplitUnit unit;
  std::int64_t row;
  std::int64_t column;
};

/// Returns the block's work. It is computed again after the main loop and after the sum over
/// slices, which have no register to keep it.
template <class Traits>
__device__ __forceinline__ MmaSyncWork mma_sync_work(const GemmProblem& p) {
  constexpr MmaSyncTile kShape = Traits::tile;
  const SplitUnit unit = split_unit(p, ptx::ctaid_x());
  const TileIndex tile = rasterize(unit.tile, (p.operands.m + kShape.m - 1) / kShape.m,
                                   (p.operands.n + kShape.n - 1) / kShape.n);
  return {unit, std::int64_t{tile.m} * kShape.m, std::int64_t{tile.n} * kShape.n};
}

/// Runs a block for each unit of work.
template <class TIn, class TWQ, int kTile>
__global__ void __launch_bounds__(kMmaSyncTiles[kTile].threads(),
                                  kMmaSyncTiles[kTile].blocks_per_sm) mma_sync_gemm(GemmProblem p) {
  using Traits = MmaSyncTraits<TIn, kTile>;
  constexpr MmaSyncTile kShape = Traits::tile;
  using Accumulators = typename Traits::Accumulators;
  const MmaSyncWork work = mma_sync_work<Traits>(p);
  const typename Traits::A a(p.operands.a, p.operands.lda, work.row, p.operands.m, p.operands.k, 0);
  const typename Traits::B b(p.operands.b, p.operands.ldb, work.column, p.operands.n, p.operands.k,
                             p.epilogue.gate_rows);
  const int stages = static_cast<int>((p.operands.k + kShape.k - 1) / kShape.k);
  Accumulators accumulators;
  MmaSyncMainloop<Traits, std::is_same_v<TWQ, U8>>(a, b).add(
      accumulators, work.unit.first_stage(stages), work.unit.end_stage(stages));

  unsigned char* memory = ptx::dynamic_shared_memory();
  const SplitUnit slice = split_unit(p, ptx::ctaid_x());
  if (slice.slices > 1) {
    constexpr int kAccumulators = Traits::kWarpM * Traits::kWarpN / 32;
    auto* flag = reinterpret_cast<unsigned*>(memory);
    if (!reduce_split_k<kAccumulators, Traits::kThreads>(&accumulators.value[0][0][0], p, slice,
                                                         flag))
      return;
    __syncthreads();
  }
  const MmaSyncWork target = mma_sync_work<Traits>(p);
  const WarpCorner corner = Accumulators::template corner<kShape.n>();
  MmaSyncStore<TIn, Accumulators>(p, memory + corner.warp * Traits::kStagingBytes,
                                  target.row + corner.row, p.operands.m,
                                  target.column + corner.column)
      .store(accumulators);
}

template <class TIn, int kTile>
cudaError_t launch_mma_sync_tile(const GemmProblem& p, cudaStream_t stream) {
  using Traits = MmaSyncTraits<TIn, kTile>;
  constexpr MmaSyncTile kShape = Traits::tile;
  const std::int64_t tiles = tile_count(p.operands.m, p.operands.n, kShape.m, kShape.n);
  const std::int64_t units = split_units(tiles, p.schedule.whole_tiles, p.schedule.split_k);
  LaunchConfig config{kShape.name, dim3(static_cast<unsigned>(units)), dim3(Traits::kThreads)};
  config.dynamic_shared_bytes = Traits::kSharedBytes;
  config.stream = stream;
  config.programmatic_dependent = p.launch.programmatic_dependent;
  return dispatch_weight<kShape.types, TIn>(p.operands.weight_element, [&](auto weight) {
    using TWQ = typename decltype(weight)::Type;
    return launch_kernel<&mma_sync_gemm<TIn, TWQ, kTile>>(config, p);
  });
}

/// Returns null for tiles of another instruction.
template <class TIn, MmaShape kShape, int kTile>
constexpr GemmLauncher mma_sync_launcher() {
  if constexpr (kMmaSyncTiles[kTile].shape == kShape) {
    return &launch_mma_sync_tile<TIn, kTile>;
  } else {
    return nullptr;
  }
}

template <class TIn, MmaShape kShape, int... kTiles>
constexpr auto mma_sync_launchers(std::integer_sequence<int, kTiles...>) {
  return std::array<GemmLauncher, sizeof...(kTiles)>{mma_sync_launcher<TIn, kShape, kTiles>()...};
}

template <class TIn, MmaShape kShape>
cudaError_t launch_mma_sync_gemm_for(int tile, const GemmProblem& p, cudaStream_t stream) {
  constexpr auto kCount = static_cast<int>(kMmaSyncTiles.size());
  static constexpr auto kLaunchers =
      mma_sync_launchers<TIn, kShape>(std::make_integer_sequence<int, kCount>{});
  return kLaunchers[static_cast<std::size_t>(tile)](p, stream);
}

}  // namespace qlinear::kernels
