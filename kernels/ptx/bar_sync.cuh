#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

/// bar.sync: barrier `id` (1 to 15; __syncthreads is 0) of `threads` threads, whole warps of them.
__device__ __forceinline__ void bar_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

}  // namespace qlinear::ptx
