#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

/// mma.sync.aligned.m16n8k32.row.col.s32.s8.{s8,u8}.s32 (sm_80 and later): c += a · b.
/// Fragments as in the PTX manual, "Matrix fragments for mma.m16n8k32".
template <bool kUnsignedB>
__device__ __forceinline__ void mma_m16n8k32(int (&c)[4], const unsigned (&a)[4],
                                             const unsigned (&b)[2]) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  if constexpr (kUnsignedB) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#else
  __trap();
#endif
}

/// mma.sync.aligned.m8n8k16.row.col.s32.s8.{s8,u8}.s32 (sm_75 and later): c += a · b.
template <bool kUnsignedB>
__device__ __forceinline__ void mma_m8n8k16(int (&c)[2], unsigned a, unsigned b) {
  if constexpr (kUnsignedB) {
    asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.u8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
        : "+r"(c[0]), "+r"(c[1])
        : "r"(a), "r"(b));
  } else {
    asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
        : "+r"(c[0]), "+r"(c[1])
        : "r"(a), "r"(b));
  }
}

}  // namespace qlinear::ptx
