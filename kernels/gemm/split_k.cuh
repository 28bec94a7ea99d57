#pragma once

#include <common/problems.hpp>
#include <gemm/split_k.hpp>
#include <ptx/memory.cuh>

namespace qlinear::kernels {

/// Packs four accumulators into one vector.
__device__ __forceinline__ uint4 pack_accumulators(const int* s) {
  return make_uint4(static_cast<unsigned>(s[0]), static_cast<unsigned>(s[1]),
                    static_cast<unsigned>(s[2]), static_cast<unsigned>(s[3]));
}

__device__ __forceinline__ void add_accumulators(int* s, const uint4& partial) {
  s[0] += static_cast<int>(partial.x);
  s[1] += static_cast<int>(partial.y);
  s[2] += static_cast<int>(partial.z);
  s[3] += static_cast<int>(partial.w);
}

/// A block's unit of work: slice `slice` of `slices` of K of an output tile.
struct SplitUnit {
  unsigned tile;
  unsigned split_tile;  ///< Numbers the tile among the split tiles, if it is one.
  int slice;
  int slices;

  /// Returns the slice's first of the `stages` stages of K.
  __device__ int first_stage(int stages) const {
    return static_cast<int>(std::int64_t{stages} * slice / slices);
  }
  __device__ int end_stage(int stages) const {
    return static_cast<int>(std::int64_t{stages} * (slice + 1) / slices);
  }
};

__device__ __forceinline__ SplitUnit split_unit(const GemmProblem& p, unsigned unit) {
  const auto whole = static_cast<unsigned>(p.schedule.whole_tiles);
  if (unit < whole) return {unit, 0, 0, 1};
  const auto slices = static_cast<unsigned>(p.schedule.split_k);
  const unsigned split_tile = (unit - whole) / slices;
  const unsigned slice = (unit - whole) % slices;
  return {whole + split_tile, split_tile, static_cast<int>(slice), p.schedule.split_k};
}

/// Adds up the partial sums of the blocks that share an output tile. Every block but the last to
/// arrive leaves its sums in the workspace; the last one adds all of them to its own and returns
/// true. int32 sums are exact, so the order does not show.
///
/// `sum` holds this thread's `kCount` accumulators, a multiple of four. `flag` is a free word of
/// shared memory. Every thread of the block calls it.
template <int kCount, int kThreads>
__device__ __forceinline__ bool reduce_split_k(int* sum, const GemmProblem& p,
                                               const SplitUnit& unit, unsigned* flag) {
  constexpr int kVectors = kCount / 4;
  constexpr int kSliceVectors = kVectors * kThreads;
  static_assert(kCount % 4 == 0);
  const auto slice_partial_sums = [&](int slice) {
    const unsigned split_unit =
        unit.split_tile * static_cast<unsigned>(unit.slices) + static_cast<unsigned>(slice);
    return reinterpret_cast<uint4*>(p.schedule.partial_sums) +
           std::int64_t{split_unit} * kSliceVectors + threadIdx.x;
  };
  uint4* own = slice_partial_sums(unit.slice);
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    ptx::st_global(own + v * kThreads, pack_accumulators(sum + v * 4));
  }
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) ptx::st_shared(flag, atomicAdd(p.schedule.counters + unit.split_tile, 1u));
  __syncthreads();
  if (ptx::ld_shared(flag) != static_cast<unsigned>(unit.slices - 1)) return false;
  __threadfence();
#pragma unroll 1
  for (int i = 0; i < unit.slices; ++i) {
    if (i == unit.slice) continue;
    const uint4* other = slice_partial_sums(i);
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      add_accumulators(sum + v * 4, ptx::ld_global(other + v * kThreads));
    }
  }
  return true;
}

}  // namespace qlinear::kernels
