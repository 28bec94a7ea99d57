#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

/// dp4a.s32.{s32,u32}: `c` plus the dot product of the four signed bytes of `a` with the four bytes
/// of `b`, which are signed or, for `kUnsignedB`, unsigned.
template <bool kUnsignedB>
__device__ __forceinline__ int dp4a(unsigned a, unsigned b, int c) {
  int d;
  if constexpr (kUnsignedB) {
    asm("dp4a.s32.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  } else {
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  }
  return d;
}

}  // namespace qlinear::ptx
