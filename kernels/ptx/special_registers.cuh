#pragma once

#include <ptx/intrinsics.cuh>

// Unlike blockIdx and threadIdx, each of these reads its register again, so that the compiler need
// not keep what it computes from it.

namespace qlinear::ptx {

/// %ctaid.x
__device__ __forceinline__ unsigned ctaid_x() {
  unsigned x;
  asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(x));
  return x;
}

/// %tid.x
__device__ __forceinline__ unsigned tid_x() {
  unsigned x;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(x));
  return x;
}

/// %laneid
__device__ __forceinline__ unsigned laneid() {
  unsigned lane;
  asm volatile("mov.u32 %0, %%laneid;" : "=r"(lane));
  return lane;
}

}  // namespace qlinear::ptx
