#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

namespace qlinear::benchmark {
namespace {

// Two warpgroups multiply 64 x 128 bytes each by one shared 256 x 128 bytes, both resident in
// shared memory in the 128-byte swizzle: the traffic of the best tile, without its loads.
constexpr unsigned kWarpgroups = 2;
constexpr unsigned kWarpgroupThreads = 128;
constexpr int kRowBytes = 128;
constexpr int kABytes = 64 * kRowBytes;
constexpr int kBBytes = 256 * kRowBytes;
constexpr int kStepBytes = 32;
constexpr int kSharedBytes = int{kWarpgroups} * kABytes + kBBytes;
static_assert(kTensorRateOperandBytes >= kSharedBytes, "the operands fill the tiles");

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

/// Matrix descriptor of a K-major tile in the 128-byte swizzle, rows of 128 bytes (PTX manual,
/// "Matrix descriptor format"): eight rows, the stride between swizzle atoms, are 1024 bytes.
__device__ __forceinline__ unsigned long long matrix_descriptor(unsigned shared_address) {
  constexpr unsigned long long kSwizzle128 = 1ull << 62;
  constexpr unsigned long long kStride = static_cast<unsigned long long>(1024 / 16) << 32;
  constexpr unsigned long long kLeading = 1ull << 16;
  return kSwizzle128 | kStride | kLeading | ((shared_address & 0x3ffffu) >> 4);
}

#define QLINEAR_BENCHMARK_8(i)                                                                \
  "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3]), "+r"(d[i + 4]), "+r"(d[i + 5]), \
      "+r"(d[i + 6]), "+r"(d[i + 7])
#define QLINEAR_BENCHMARK_32(i)                                                    \
  QLINEAR_BENCHMARK_8(i), QLINEAR_BENCHMARK_8(i + 8), QLINEAR_BENCHMARK_8(i + 16), \
      QLINEAR_BENCHMARK_8(i + 24)

/// wgmma.mma_async m64n256k32: d += a · bᵀ.
__device__ __forceinline__ void wgmma_m64n256k32(int (&d)[128], unsigned long long a,
                                                 unsigned long long b) {
  asm volatile(
      "{\n"
      ".reg .pred accumulate;\n"
      "setp.ne.b32 accumulate, 1, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15,"
      " %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31,"
      " %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47,"
      " %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63,"
      " %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79,"
      " %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95,"
      " %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111,"
      " %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, "
      "%127}, "
      "%128, %129, accumulate;\n"
      "}"
      : QLINEAR_BENCHMARK_32(0), QLINEAR_BENCHMARK_32(32), QLINEAR_BENCHMARK_32(64),
        QLINEAR_BENCHMARK_32(96)
      : "l"(a), "l"(b));
}

#undef QLINEAR_BENCHMARK_32
#undef QLINEAR_BENCHMARK_8

__device__ __forceinline__ void copy_operands(unsigned char* shared, const std::int8_t* operands) {
  for (int i = static_cast<int>(threadIdx.x) * 16; i < kSharedBytes;
       i += static_cast<int>(blockDim.x) * 16) {
    ptx::st_shared(reinterpret_cast<uint4*>(shared + i),
                   ptx::ld_global_nc(reinterpret_cast<const uint4*>(operands + i)));
  }
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
}

#endif

__global__ void __launch_bounds__(kWarpgroups* kWarpgroupThreads, 1)
    wgmma_kernel(const std::int8_t* operands, int iterations, unsigned* sink) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  unsigned char* shared = ptx::dynamic_shared_memory();
  copy_operands(shared, operands);
  const auto base = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const unsigned long long b = matrix_descriptor(base);
  const unsigned long long a =
      matrix_descriptor(base + kBBytes + (threadIdx.x / kWarpgroupThreads) * kABytes);
  int d[128] = {};
#pragma unroll 1
  for (int iteration = 0; iteration < iterations; ++iteration) {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
    for (int step = 0; step < kRowBytes / kStepBytes; ++step) {
      wgmma_m64n256k32(d, a + step * (kStepBytes / 16), b + step * (kStepBytes / 16));
    }
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  }
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
  int mixed = 0;
#pragma unroll
  for (int i = 0; i < 128; ++i) mixed ^= d[i];
  if (mixed == 0x5eed1e55) ptx::st_global(sink, static_cast<unsigned>(mixed));
#endif
}

/// Whether the code that this device runs holds the wgmma loop.
bool has_wgmma() {
  int device = 0;
  int major = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return false;
  if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess) {
    return false;
  }
  return QLINEAR_BENCHMARK_SM90A && major == 9;
}

}  // namespace

cudaError_t run_wgmma(const std::int8_t* operands, int iterations, int blocks, unsigned* sink,
                      double* operations, cudaStream_t stream) {
  if (!has_wgmma()) return cudaErrorNotSupported;
  constexpr double kOperationsOfIteration = 2.0 * 64 * 256 * kRowBytes * kWarpgroups;
  *operations = kOperationsOfIteration * iterations * blocks;
  const kernels::LaunchConfig config{"benchmark_wgmma", dim3(static_cast<unsigned>(blocks)),
                                     dim3(kWarpgroups * kWarpgroupThreads), kSharedBytes, stream};
  return kernels::launch_kernel<&wgmma_kernel>(config, operands, iterations, sink);
}

}  // namespace qlinear::benchmark
