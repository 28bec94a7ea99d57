#pragma once

#include <ptx/intrinsics.cuh>
#include <ptx/wgmma_descriptor.cuh>

#include <cstdint>

// wgmma.mma_async of integers (sm_90a): a warpgroup multiplies operands that lie in shared memory.

namespace qlinear::ptx {

/// wgmma.fence.sync.aligned: before the first wgmma, and after other writes to its registers.
__device__ __forceinline__ void wgmma_fence() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

/// wgmma.commit_group.sync.aligned
__device__ __forceinline__ void wgmma_commit_group() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

/// wgmma.wait_group.sync.aligned: until at most `kPending` of the latest groups are in flight.
template <int kPending>
__device__ __forceinline__ void wgmma_wait_group() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
#endif
}

/// Keeps the compiler from moving accesses to accumulators that a wgmma in flight owns.
template <int kCount>
__device__ __forceinline__ void wgmma_fence_registers(int (&d)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+r"(d[i])::"memory");
}

/// wgmma.mma_async.sync.aligned.m64n`kN`k32.s32.{s8,u8}.{s8,u8}: d[64,kN] = (`accumulate` ? d : 0)
/// + a[64,32] · b[kN,32]ᵀ. Register 4 j + i of a thread is element i of the fragment of columns 8 j
/// to 8 j + 7 ("Register fragments for wgmma.mma_async.m64nNk32"), and rows are 16 a warp.
/// Defined for every kN of the integer forms.
template <int kN, bool kUnsignedA, bool kUnsignedB>
__device__ __forceinline__ void wgmma_m64k32(int (&d)[kN / 2], std::uint64_t a, std::uint64_t b,
                                             bool accumulate);

// Each list of a shape's accumulators extends that of the shape before it: in the text of the
// instruction, and as operands of the statement.
#define QLINEAR_WGMMA_TEXT_8 "%0, %1, %2, %3"
#define QLINEAR_WGMMA_TEXT_16 QLINEAR_WGMMA_TEXT_8 ", %4, %5, %6, %7"
#define QLINEAR_WGMMA_TEXT_24 QLINEAR_WGMMA_TEXT_16 ", %8, %9, %10, %11"
#define QLINEAR_WGMMA_TEXT_32 QLINEAR_WGMMA_TEXT_24 ", %12, %13, %14, %15"
#define QLINEAR_WGMMA_TEXT_48 QLINEAR_WGMMA_TEXT_32 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define QLINEAR_WGMMA_TEXT_64 QLINEAR_WGMMA_TEXT_48 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define QLINEAR_WGMMA_TEXT_80 QLINEAR_WGMMA_TEXT_64 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define QLINEAR_WGMMA_TEXT_96 QLINEAR_WGMMA_TEXT_80 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define QLINEAR_WGMMA_TEXT_112 QLINEAR_WGMMA_TEXT_96 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define QLINEAR_WGMMA_TEXT_128 QLINEAR_WGMMA_TEXT_112 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define QLINEAR_WGMMA_TEXT_144 QLINEAR_WGMMA_TEXT_128 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define QLINEAR_WGMMA_TEXT_160 QLINEAR_WGMMA_TEXT_144 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define QLINEAR_WGMMA_TEXT_176 QLINEAR_WGMMA_TEXT_160 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define QLINEAR_WGMMA_TEXT_192 QLINEAR_WGMMA_TEXT_176 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define QLINEAR_WGMMA_TEXT_208 QLINEAR_WGMMA_TEXT_192 ", %96, %97, %98, %99, %100, %101, %102, %103"
#define QLINEAR_WGMMA_TEXT_224 \
  QLINEAR_WGMMA_TEXT_208 ", %104, %105, %106, %107, %108, %109, %110, %111"
#define QLINEAR_WGMMA_TEXT_240 \
  QLINEAR_WGMMA_TEXT_224 ", %112, %113, %114, %115, %116, %117, %118, %119"
#define QLINEAR_WGMMA_TEXT_256 \
  QLINEAR_WGMMA_TEXT_240 ", %120, %121, %122, %123, %124, %125, %126, %127"

#define QLINEAR_WGMMA_D4(i) "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3])
#define QLINEAR_WGMMA_D8(i) QLINEAR_WGMMA_D4(i), QLINEAR_WGMMA_D4(i + 4)
#define QLINEAR_WGMMA_SUMS_8 QLINEAR_WGMMA_D4(0)
#define QLINEAR_WGMMA_SUMS_16 QLINEAR_WGMMA_SUMS_8, QLINEAR_WGMMA_D4(4)
#define QLINEAR_WGMMA_SUMS_24 QLINEAR_WGMMA_SUMS_16, QLINEAR_WGMMA_D4(8)
#define QLINEAR_WGMMA_SUMS_32 QLINEAR_WGMMA_SUMS_24, QLINEAR_WGMMA_D4(12)
#define QLINEAR_WGMMA_SUMS_48 QLINEAR_WGMMA_SUMS_32, QLINEAR_WGMMA_D8(16)
#define QLINEAR_WGMMA_SUMS_64 QLINEAR_WGMMA_SUMS_48, QLINEAR_WGMMA_D8(24)
#define QLINEAR_WGMMA_SUMS_80 QLINEAR_WGMMA_SUMS_64, QLINEAR_WGMMA_D8(32)
#define QLINEAR_WGMMA_SUMS_96 QLINEAR_WGMMA_SUMS_80, QLINEAR_WGMMA_D8(40)
#define QLINEAR_WGMMA_SUMS_112 QLINEAR_WGMMA_SUMS_96, QLINEAR_WGMMA_D8(48)
#define QLINEAR_WGMMA_SUMS_128 QLINEAR_WGMMA_SUMS_112, QLINEAR_WGMMA_D8(56)
#define QLINEAR_WGMMA_SUMS_144 QLINEAR_WGMMA_SUMS_128, QLINEAR_WGMMA_D8(64)
#define QLINEAR_WGMMA_SUMS_160 QLINEAR_WGMMA_SUMS_144, QLINEAR_WGMMA_D8(72)
#define QLINEAR_WGMMA_SUMS_176 QLINEAR_WGMMA_SUMS_160, QLINEAR_WGMMA_D8(80)
#define QLINEAR_WGMMA_SUMS_192 QLINEAR_WGMMA_SUMS_176, QLINEAR_WGMMA_D8(88)
#define QLINEAR_WGMMA_SUMS_208 QLINEAR_WGMMA_SUMS_192, QLINEAR_WGMMA_D8(96)
#define QLINEAR_WGMMA_SUMS_224 QLINEAR_WGMMA_SUMS_208, QLINEAR_WGMMA_D8(104)
#define QLINEAR_WGMMA_SUMS_240 QLINEAR_WGMMA_SUMS_224, QLINEAR_WGMMA_D8(112)
#define QLINEAR_WGMMA_SUMS_256 QLINEAR_WGMMA_SUMS_240, QLINEAR_WGMMA_D8(120)

#define QLINEAR_WGMMA_ASM(n, a_index, b_index, flag_index, a_type, b_type)                   \
  asm volatile("{\n.reg .pred accumulate;\nsetp.ne.b32 accumulate, %" #flag_index            \
               ", 0;\nwgmma.mma_async.sync.aligned.m64n" #n "k32.s32." a_type "." b_type     \
               " {" QLINEAR_WGMMA_TEXT_##n "}, %" #a_index ", %" #b_index ", accumulate;\n}" \
               : QLINEAR_WGMMA_SUMS_##n                                                      \
               : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)))

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define QLINEAR_WGMMA_BODY QLINEAR_WGMMA_ASM
#else
#define QLINEAR_WGMMA_BODY(...) __trap()
#endif

#define QLINEAR_WGMMA_DEFINE(n, a_index, b_index, flag_index, unsigned_a, unsigned_b, a_type, \
                             b_type)                                                          \
  template <>                                                                                 \
  __device__ __forceinline__ void wgmma_m64k32<n, unsigned_a, unsigned_b>(                    \
      int(&d)[n / 2], std::uint64_t a, std::uint64_t b, bool accumulate) {                    \
    QLINEAR_WGMMA_BODY(n, a_index, b_index, flag_index, a_type, b_type);                      \
  }
#define QLINEAR_WGMMA_SHAPE(n, a, b, flag)                      \
  QLINEAR_WGMMA_DEFINE(n, a, b, flag, false, false, "s8", "s8") \
  QLINEAR_WGMMA_DEFINE(n, a, b, flag, false, true, "s8", "u8")  \
  QLINEAR_WGMMA_DEFINE(n, a, b, flag, true, false, "u8", "s8")

// Gives N, and the numbers of the operands that follow its N / 2 accumulators.
QLINEAR_WGMMA_SHAPE(8, 4, 5, 6)
QLINEAR_WGMMA_SHAPE(16, 8, 9, 10)
QLINEAR_WGMMA_SHAPE(24, 12, 13, 14)
QLINEAR_WGMMA_SHAPE(32, 16, 17, 18)
QLINEAR_WGMMA_SHAPE(48, 24, 25, 26)
QLINEAR_WGMMA_SHAPE(64, 32, 33, 34)
QLINEAR_WGMMA_SHAPE(80, 40, 41, 42)
QLINEAR_WGMMA_SHAPE(96, 48, 49, 50)
QLINEAR_WGMMA_SHAPE(112, 56, 57, 58)
QLINEAR_WGMMA_SHAPE(128, 64, 65, 66)
QLINEAR_WGMMA_SHAPE(144, 72, 73, 74)
QLINEAR_WGMMA_SHAPE(160, 80, 81, 82)
QLINEAR_WGMMA_SHAPE(176, 88, 89, 90)
QLINEAR_WGMMA_SHAPE(192, 96, 97, 98)
QLINEAR_WGMMA_SHAPE(208, 104, 105, 106)
QLINEAR_WGMMA_SHAPE(224, 112, 113, 114)
QLINEAR_WGMMA_SHAPE(240, 120, 121, 122)
QLINEAR_WGMMA_SHAPE(256, 128, 129, 130)

}  // namespace qlinear::ptx
