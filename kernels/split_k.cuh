#pragma once

#include <ptx/memory.cuh>
#include <split_k.hpp>

namespace qlinear::kernels {

/// Four sums as one vector.
__device__ __forceinline__ uint4 pack_sums(const int* s) {
  return make_uint4(static_cast<unsigned>(s[0]), static_cast<unsigned>(s[1]),
                    static_cast<unsigned>(s[2]), static_cast<unsigned>(s[3]));
}

__device__ __forceinline__ void add_sums(int* s, const uint4& partial) {
  s[0] += static_cast<int>(partial.x);
  s[1] += static_cast<int>(partial.y);
  s[2] += static_cast<int>(partial.z);
  s[3] += static_cast<int>(partial.w);
}

/// Adds up the partial sums of the blocks that share an output tile. Every block but the last to
/// come leaves its sums in the workspace; that last one returns true, with all of them added to its
/// own. int32 sums are exact, so the order does not show.
///
/// `sum`: this thread's `kCount` sums, a multiple of four. `tile_slots`: the tile's slices in the
/// workspace. `flag`: a word of shared memory that is free. Every thread of the block calls it.
template <int kCount, int kThreads>
__device__ bool reduce_split_k(int* sum, uint4* tile_slots, unsigned* counter, int slice,
                               int slices, unsigned* flag) {
  constexpr int kVectors = kCount / 4;
  constexpr int kSliceVectors = kVectors * kThreads;
  static_assert(kCount % 4 == 0);
  uint4* own = tile_slots + slice * kSliceVectors + threadIdx.x;
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    ptx::st_global(own + v * kThreads, pack_sums(sum + v * 4));
  }
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) ptx::st_shared(flag, atomicAdd(counter, 1u));
  __syncthreads();
  if (ptx::ld_shared(flag) != static_cast<unsigned>(slices - 1)) return false;
  __threadfence();
  const uint4* other = tile_slots + threadIdx.x;
#pragma unroll 1
  for (int i = 0; i < slices; ++i, other += kSliceVectors) {
    if (i == slice) continue;
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      add_sums(sum + v * 4, ptx::ld_global(other + v * kThreads));
    }
  }
  return true;
}

}  // namespace qlinear::kernels
