#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

namespace qlinear::benchmark {
namespace {

constexpr unsigned kWarpSize = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  for (unsigned offset = kWarpSize / 2; offset > 0; offset /= 2) {
    value += __shfl_down_sync(kAllLanes, value, offset);
  }
  return value;
}

__global__ void count_differences_kernel(const unsigned* a, const unsigned* b, std::int64_t words,
                                         unsigned long long* count) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  unsigned long long differing = 0;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < words;
       i += step) {
    differing += ptx::ld_global(a + i) != ptx::ld_global(b + i) ? 1u : 0u;
  }
  differing = warp_sum(differing);
  if (threadIdx.x % kWarpSize == 0 && differing != 0) atomicAdd(count, differing);
}

__global__ void sum_square_errors_kernel(const __nv_bfloat16* a, const __nv_bfloat16* b,
                                         std::int64_t count, float2* sums) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  float error = 0;
  float reference = 0;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const float expected = __bfloat162float(ptx::ld_global(b + i));
    const float difference = __bfloat162float(ptx::ld_global(a + i)) - expected;
    error += difference * difference;
    reference += expected * expected;
  }
  error = warp_sum(error);
  reference = warp_sum(reference);
  const unsigned warp = (blockIdx.x * blockDim.x + threadIdx.x) / kWarpSize;
  if (threadIdx.x % kWarpSize == 0) ptx::st_global(sums + warp, make_float2(error, reference));
}

}  // namespace

cudaError_t count_differences(const void* a, const void* b, std::int64_t words,
                              unsigned long long* count, cudaStream_t stream) {
  return kernels::launch_kernel<&count_differences_kernel>(
      grid_stride("benchmark_count_differences", words, stream), static_cast<const unsigned*>(a),
      static_cast<const unsigned*>(b), words, count);
}

cudaError_t sum_square_errors(const __nv_bfloat16* a, const __nv_bfloat16* b, std::int64_t count,
                              float2* sums, cudaStream_t stream) {
  static_assert(kSquareErrorSums % (kThreads / kWarpSize) == 0, "one sum a warp");
  const kernels::LaunchConfig config{"benchmark_sum_square_errors",
                                     dim3(kSquareErrorSums / (kThreads / kWarpSize)),
                                     dim3(kThreads), 0, stream};
  return kernels::launch_kernel<&sum_square_errors_kernel>(config, a, b, count, sums);
}

}  // namespace qlinear::benchmark
