#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

namespace qlinear::benchmark {
namespace {

constexpr int kVector = 8;
constexpr unsigned kWarps = kThreads / 32;

struct alignas(16) Bf16Vector {
  __nv_bfloat16 value[kVector];
};
struct alignas(8) S8Vector {
  std::int8_t value[kVector];
};

__device__ __forceinline__ Bf16Vector load_vector(const __nv_bfloat16* x) {
  return ptx::ld_global(reinterpret_cast<const Bf16Vector*>(x));
}

/// Returns the largest `value` of the block in every thread.
__device__ __forceinline__ float block_max(float value) {
  auto* warp_max = reinterpret_cast<float*>(ptx::dynamic_shared_memory());
  for (unsigned offset = 16; offset > 0; offset /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  }
  if (threadIdx.x % 32 == 0) ptx::st_shared(&warp_max[threadIdx.x / 32], value);
  __syncthreads();
  for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) {
    value = fmaxf(value, ptx::ld_shared(&warp_max[warp]));
  }
  return value;
}

__global__ void two_read_quantize_kernel(const __nv_bfloat16* x, std::int64_t k, std::int8_t* q,
                                         float* scale) {
  const std::int64_t row = blockIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(blockDim.x) * kVector;
  x += row * k;
  q += row * k;
  float amax = 0;
  for (std::int64_t i = threadIdx.x * kVector; i < k; i += step) {
    const Bf16Vector vector = load_vector(x + i);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      amax = fmaxf(amax, fabsf(__bfloat162float(vector.value[j])));
    }
  }
  amax = block_max(amax);
  if (threadIdx.x == 0) ptx::st_global(scale + row, __fdiv_rn(amax, 127.0f));
  const float inverse = __fdiv_rn(127.0f, amax);
  for (std::int64_t i = threadIdx.x * kVector; i < k; i += step) {
    const Bf16Vector vector = load_vector(x + i);
    S8Vector result;
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      const int rounded = __float2int_rn(__fmul_rn(__bfloat162float(vector.value[j]), inverse));
      result.value[j] = static_cast<std::int8_t>(min(max(rounded, -127), 127));
    }
    ptx::st_global(reinterpret_cast<S8Vector*>(q + i), result);
  }
}

}  // namespace

cudaError_t two_read_quantize(const __nv_bfloat16* x, std::int64_t m, std::int64_t k,
                              std::int8_t* q, float* scale, cudaStream_t stream) {
  const kernels::LaunchConfig config{"benchmark_two_read_quantize", dim3(static_cast<unsigned>(m)),
                                     dim3(kThreads), kWarps * sizeof(float), stream};
  return kernels::launch_kernel<&two_read_quantize_kernel>(config, x, k, q, scale);
}

}  // namespace qlinear::benchmark
