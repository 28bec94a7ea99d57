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

/// Keeps the compiler from moving accesses to sums that a wgmma in flight owns.
template <int kCount>
__device__ __forceinline__ void wgmma_fence_registers(int (&d)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+r"(d[i])::"memory");
}

/// wgmma.mma_async.sync.aligned.m64n`kN`k32.s32.{s8,u8}.{s8,u8}: d[64,kN] = (`accumulate` ? d : 0)
/// + a[64,32] · b[kN,32]ᵀ. Register 4 j + i of a thread is element i of the fragment of columns 8 j
/// to 8 j + 7 ("Register fragments for wgmma.mma_async.m64nNk32"), and rows are 16 a warp.
/// Defined for the kN listed at the end.
template <int kN, bool kUnsignedA, bool kUnsignedB>
__device__ __forceinline__ void wgmma_m64k32(int (&d)[kN / 2], std::uint64_t a, std::uint64_t b,
                                             bool accumulate);

#define QLINEAR_WGMMA_D4(i) "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3])
#define QLINEAR_WGMMA_D16(i) \
  QLINEAR_WGMMA_D4(i), QLINEAR_WGMMA_D4(i + 4), QLINEAR_WGMMA_D4(i + 8), QLINEAR_WGMMA_D4(i + 12)
#define QLINEAR_WGMMA_D32(i) QLINEAR_WGMMA_D16(i), QLINEAR_WGMMA_D16(i + 16)

#define QLINEAR_WGMMA_REGISTERS_8 \
  "{%0, %1, %2, %3}, "            \
  "%4, %5, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_8 "setp.ne.b32 accumulate, %6, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_8 QLINEAR_WGMMA_D4(0)

#define QLINEAR_WGMMA_REGISTERS_16     \
  "{%0, %1, %2, %3, %4, %5, %6, %7}, " \
  "%8, %9, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_16 "setp.ne.b32 accumulate, %10, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_16 QLINEAR_WGMMA_D4(0), QLINEAR_WGMMA_D4(4)

#define QLINEAR_WGMMA_REGISTERS_24                       \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11}, " \
  "%12, %13, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_24 "setp.ne.b32 accumulate, %14, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_24 QLINEAR_WGMMA_D4(0), QLINEAR_WGMMA_D4(4), QLINEAR_WGMMA_D4(8)

#define QLINEAR_WGMMA_REGISTERS_32                                           \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, " \
  "%16, %17, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_32 "setp.ne.b32 accumulate, %18, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_32 QLINEAR_WGMMA_D16(0)

#define QLINEAR_WGMMA_REGISTERS_48                                                    \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, " \
  "%18, %19, %20, %21, %22, %23}, "                                                   \
  "%24, %25, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_48 "setp.ne.b32 accumulate, %26, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_48 QLINEAR_WGMMA_D16(0), QLINEAR_WGMMA_D4(16), QLINEAR_WGMMA_D4(20)

#define QLINEAR_WGMMA_REGISTERS_64                                                    \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, " \
  "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "           \
  "%32, %33, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_64 "setp.ne.b32 accumulate, %34, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_64 QLINEAR_WGMMA_D32(0)

#define QLINEAR_WGMMA_REGISTERS_96                                                    \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, " \
  "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, "  \
  "%34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47}, "           \
  "%48, %49, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_96 "setp.ne.b32 accumulate, %50, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_96 QLINEAR_WGMMA_D32(0), QLINEAR_WGMMA_D16(32)

#define QLINEAR_WGMMA_REGISTERS_128                                                   \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, " \
  "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, "  \
  "%34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "  \
  "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "           \
  "%64, %65, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_128 "setp.ne.b32 accumulate, %66, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_128 QLINEAR_WGMMA_D32(0), QLINEAR_WGMMA_D32(32)

#define QLINEAR_WGMMA_REGISTERS_192                                                   \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, " \
  "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, "  \
  "%34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "  \
  "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, "  \
  "%66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, "  \
  "%82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95}, "           \
  "%96, %97, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_192 "setp.ne.b32 accumulate, %98, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_192 \
  QLINEAR_WGMMA_D32(0), QLINEAR_WGMMA_D32(32), QLINEAR_WGMMA_D32(64)

#define QLINEAR_WGMMA_REGISTERS_256                                                      \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "    \
  "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, "     \
  "%34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "     \
  "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, "     \
  "%66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, "     \
  "%82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, "     \
  "%98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "   \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, " \
  "%126, %127}, "                                                                        \
  "%128, %129, accumulate;\n"
#define QLINEAR_WGMMA_ACCUMULATE_256 "setp.ne.b32 accumulate, %130, 0;\n"
#define QLINEAR_WGMMA_OPERANDS_256 \
  QLINEAR_WGMMA_D32(0), QLINEAR_WGMMA_D32(32), QLINEAR_WGMMA_D32(64), QLINEAR_WGMMA_D32(96)

#define QLINEAR_WGMMA_ASM(n, a_type, b_type)                                       \
  asm volatile("{\n.reg .pred accumulate;\n" QLINEAR_WGMMA_ACCUMULATE_##n          \
               "wgmma.mma_async.sync.aligned.m64n" #n "k32.s32." a_type "." b_type \
               " " QLINEAR_WGMMA_REGISTERS_##n "}"                                 \
               : QLINEAR_WGMMA_OPERANDS_##n                                        \
               : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)))

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define QLINEAR_WGMMA_BODY(n, a_type, b_type) QLINEAR_WGMMA_ASM(n, a_type, b_type)
#else
#define QLINEAR_WGMMA_BODY(n, a_type, b_type) __trap()
#endif

#define QLINEAR_WGMMA_DEFINE(n, unsigned_a, unsigned_b, a_type, b_type)    \
  template <>                                                              \
  __device__ __forceinline__ void wgmma_m64k32<n, unsigned_a, unsigned_b>( \
      int(&d)[n / 2], std::uint64_t a, std::uint64_t b, bool accumulate) { \
    QLINEAR_WGMMA_BODY(n, a_type, b_type);                                 \
  }
#define QLINEAR_WGMMA_SHAPE(n)                      \
  QLINEAR_WGMMA_DEFINE(n, false, false, "s8", "s8") \
  QLINEAR_WGMMA_DEFINE(n, false, true, "s8", "u8")  \
  QLINEAR_WGMMA_DEFINE(n, true, false, "u8", "s8")

QLINEAR_WGMMA_SHAPE(8)
QLINEAR_WGMMA_SHAPE(16)
QLINEAR_WGMMA_SHAPE(24)
QLINEAR_WGMMA_SHAPE(32)
QLINEAR_WGMMA_SHAPE(48)
QLINEAR_WGMMA_SHAPE(64)
QLINEAR_WGMMA_SHAPE(96)
QLINEAR_WGMMA_SHAPE(128)
QLINEAR_WGMMA_SHAPE(192)
QLINEAR_WGMMA_SHAPE(256)

}  // namespace qlinear::ptx
