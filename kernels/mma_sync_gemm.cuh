#pragma once

#include <dispatch_element.hpp>
#include <mma_sync_gemm.hpp>
#include <mma_sync_operand.cuh>
#include <mma_sync_warp.cuh>
#include <ptx/griddepcontrol.cuh>
#include <ptx/launch.cuh>
#include <ptx/special_registers.cuh>
#include <rasterize.cuh>
#include <split_k.cuh>
#include <staged_rows.cuh>

#include <algorithm>
#include <utility>

namespace qlinear::kernels {

/// The types and constants of one row of `kMmaSyncTiles`.
template <class TIn, int kTile>
struct MmaSyncTraits {
  static constexpr MmaSyncTile tile = kMmaSyncTiles[kTile];
  static constexpr int kThreads = tile.threads();
  static constexpr int kWarpM = tile.m / tile.warps_m;
  static constexpr int kWarpN = tile.n / tile.warps_n;
  using A = MmaSyncOperand<tile.m, tile.k, kThreads, tile.any_alignment>;
  using B = MmaSyncOperand<tile.n, tile.k, kThreads, tile.any_alignment>;
  using Sums = WarpTile<kWarpM, kWarpN>;
  static constexpr int kPitch = kWarpN + 8;  // Words; the next row begins eight banks later.
  static constexpr int kStagingBytes = 16 * kPitch * 4;  // Of a warp.
  static constexpr int kStageBytes = tile.stage_bytes();
  static constexpr std::size_t kSharedBytes = tile.pipeline_bytes();
  static_assert(tile.warps() * kStagingBytes <= kSharedBytes, "the store reuses the ring");
};

/// Adds the products of `steps` stages from `first_step` on. The ring is filled with weights before
/// the quantize kernel has ended, with activations after.
template <class Traits, bool kUnsignedB>
__device__ __forceinline__ void mma_sync_mainloop(typename Traits::Sums& sums,
                                                  const typename Traits::A& a,
                                                  const typename Traits::B& b, int first_step,
                                                  int steps, int warp_row, int warp_column) {
  constexpr MmaSyncTile kTile = Traits::tile;
  static_assert(kTile.k / 32 % 2 == 0, "fragments alternate between two buffers");
  constexpr int kAhead = kTile.stages - 1;
  unsigned char* ring = ptx::dynamic_shared_memory();
  const auto a_stage = [ring](int slot) { return ring + slot * Traits::kStageBytes; };
  const auto b_stage = [&](int slot) { return a_stage(slot) + Traits::A::kStageBytes; };
  const auto first_k = [&](int step) { return (first_step + step) * kTile.k; };

#pragma unroll
  for (int step = 0; step < kAhead; ++step) {
    if (step < steps) b.load(b_stage(step), first_k(step));
  }
  ptx::griddepcontrol_wait();
  ptx::griddepcontrol_launch_dependents();
#pragma unroll
  for (int step = 0; step < kAhead; ++step) {
    if (step < steps) a.load(a_stage(step), first_k(step));
    ptx::cp_async_commit_group();
  }

  // Fragments are read one step ahead of their use, across stages, too: while the last step of a
  // stage is multiplied, the first of the next is on its way. The barrier that makes a stage
  // visible also says that every warp has read the stage before the last, whose slot is then
  // refilled.
  using Sums = typename Traits::Sums;
  constexpr int kSteps = kTile.k / 32;
  typename Sums::Fragments fragments[2];
  const auto read = [&](typename Sums::Fragments& to, int slot, int k_step) {
    Sums::template read<typename Traits::A, typename Traits::B>(to, a_stage(slot), b_stage(slot),
                                                                k_step, warp_row, warp_column);
  };
  ptx::cp_async_wait_group<kAhead - 1>();
  __syncthreads();
  read(fragments[0], 0, 0);
  int slot = 0;
  int refill = kAhead;
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    const int next_slot = slot + 1 == kTile.stages ? 0 : slot + 1;
#pragma unroll
    for (int k_step = 0; k_step < kSteps; ++k_step) {
      // One operand at a time, so that the addresses of few copies are held at once.
      if (k_step == 0 && step + kAhead < steps) a.load(a_stage(refill), first_k(step + kAhead));
      if (k_step == 1) {
        if (step + kAhead < steps) b.load(b_stage(refill), first_k(step + kAhead));
        ptx::cp_async_commit_group();
      }
      if (k_step + 1 < kSteps) {
        read(fragments[(k_step + 1) % 2], slot, k_step + 1);
      } else {
        ptx::cp_async_wait_group<kAhead - 1>();
        __syncthreads();
        if (step + 1 < steps) read(fragments[0], next_slot, 0);
      }
      sums.template multiply<kTile.shape, kUnsignedB>(fragments[k_step % 2]);
    }
    refill = slot;
    slot = next_slot;
  }
  ptx::cp_async_wait_group<0>();
  __syncthreads();
}

template <class TIn, class Traits>
__device__ __forceinline__ void mma_sync_store(const GemmProblem& p,
                                               const typename Traits::Sums& sums,
                                               std::int64_t first_row, std::int64_t first_column) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  auto* staging =
      reinterpret_cast<int*>(ptx::dynamic_shared_memory() + warp * Traits::kStagingBytes);
  const StagedRows<TIn, Traits::kWarpN, Traits::kPitch> rows(p, staging, first_column);
#pragma unroll
  for (int i = 0; i < Traits::Sums::kFragmentsM; ++i) {
    __syncwarp();
    sums.template stage<Traits::kPitch>(staging, i);
    __syncwarp();
    rows.template store<16>(first_row + i * 16);
  }
}

/// The first row and column of the block's tile.
struct TileOrigin {
  std::int64_t row;
  std::int64_t column;
};

/// The main loop has no register to spare, so this is computed again behind it, not kept.
template <class Traits>
__device__ __forceinline__ TileOrigin tile_origin(const GemmProblem& p) {
  constexpr MmaSyncTile kShape = Traits::tile;
  const TileIndex tile =
      rasterize(ptx::ctaid_x(), (p.m + kShape.m - 1) / kShape.m, (p.n + kShape.n - 1) / kShape.n);
  return {std::int64_t{tile.m} * kShape.m, std::int64_t{tile.n} * kShape.n};
}

/// Grid: output tiles in x, slices of K in y.
template <class TIn, class TWQ, int kTile>
__global__ void __launch_bounds__(kMmaSyncTiles[kTile].threads(),
                                  kMmaSyncTiles[kTile].blocks_per_multiprocessor)
    mma_sync_gemm(GemmProblem p) {
  using Traits = MmaSyncTraits<TIn, kTile>;
  constexpr MmaSyncTile kShape = Traits::tile;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_row = warp / kShape.warps_n * Traits::kWarpM;
  const int warp_column = warp % kShape.warps_n * Traits::kWarpN;

  const TileOrigin origin = tile_origin<Traits>(p);
  const typename Traits::A a(p.a, p.lda, origin.row, p.m, p.k);
  const typename Traits::B b(p.b, p.ldb, origin.column, p.n, p.k);
  const int all_steps = static_cast<int>((p.k + kShape.k - 1) / kShape.k);
  const int slice = static_cast<int>(blockIdx.y);
  const int first_step = static_cast<int>(std::int64_t{all_steps} * slice / p.split_k);
  const int end_step = static_cast<int>(std::int64_t{all_steps} * (slice + 1) / p.split_k);
  typename Traits::Sums sums;
  mma_sync_mainloop<Traits, std::is_same_v<TWQ, U8>>(sums, a, b, first_step, end_step - first_step,
                                                     warp_row, warp_column);

  if (p.split_k > 1) {
    constexpr int kSums = Traits::kWarpM * Traits::kWarpN / 32;
    auto* tile_slots = reinterpret_cast<uint4*>(p.partial_sums) +
                       std::int64_t{blockIdx.x} * p.split_k * (kSums / 4) * Traits::kThreads;
    auto* flag = reinterpret_cast<unsigned*>(ptx::dynamic_shared_memory());
    if (!reduce_split_k<kSums, Traits::kThreads>(&sums.sum[0][0][0], tile_slots,
                                                 p.counters + blockIdx.x, slice, p.split_k, flag)) {
      return;
    }
    __syncthreads();
  }
  const TileOrigin target = tile_origin<Traits>(p);
  mma_sync_store<TIn, Traits>(p, sums, target.row + warp_row, target.column + warp_column);
}

template <class TIn, int kTile>
cudaError_t launch_mma_sync_tile(const GemmProblem& p, cudaStream_t stream) {
  using Traits = MmaSyncTraits<TIn, kTile>;
  constexpr MmaSyncTile kShape = Traits::tile;
  LaunchConfig config{kShape.name,
                      dim3(static_cast<unsigned>(tile_count(p.m, p.n, kShape.m, kShape.n)),
                           static_cast<unsigned>(p.split_k)),
                      dim3(Traits::kThreads)};
  config.dynamic_shared_bytes = Traits::kSharedBytes;
  config.stream = stream;
  config.programmatic_dependent = p.programmatic_dependent;
  return dispatch_weight(p.weight_element, [&](auto weight) {
    using TWQ = typename decltype(weight)::Type;
    return launch_kernel<&mma_sync_gemm<TIn, TWQ, kTile>>(config, p);
  });
}

template <class TIn, int... kTiles>
constexpr auto mma_sync_launchers(std::integer_sequence<int, kTiles...>) {
  return std::array<GemmLauncher, sizeof...(kTiles)>{&launch_mma_sync_tile<TIn, kTiles>...};
}

template <class TIn>
cudaError_t launch_mma_sync_gemm_for(int tile, const GemmProblem& p, cudaStream_t stream) {
  constexpr auto kCount = static_cast<int>(kMmaSyncTiles.size());
  static constexpr auto kLaunchers =
      mma_sync_launchers<TIn>(std::make_integer_sequence<int, kCount>{});
  return kLaunchers[static_cast<std::size_t>(tile)](p, stream);
}

}  // namespace qlinear::kernels
