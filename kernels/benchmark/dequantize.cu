#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

namespace qlinear::benchmark {
namespace {

/// A thread dequantizes 16 bytes of bf16.
constexpr int kVector = 8;

struct alignas(16) Bf16Vector {
  __nv_bfloat16 value[kVector];
};

/// Runs a thread for each vector: blockIdx.x is the row, blockIdx.y a chunk of its columns.
__global__ void dequantize_kernel(const std::int32_t* acc, const float* a_scale,
                                  const float* b_scale, std::int64_t n, __nv_bfloat16* output) {
  const std::int64_t row = blockIdx.x;
  const std::int64_t column =
      (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * kVector;
  if (column >= n) return;
  const std::int64_t first = row * n + column;
  const float row_scale = ptx::ld_global_nc(a_scale + row);
  Bf16Vector result;
#pragma unroll
  for (int quad = 0; quad < kVector; quad += 4) {
    const int4 sum = ptx::ld_global_nc(reinterpret_cast<const int4*>(acc + first + quad));
    const float4 scale =
        ptx::ld_global_nc(reinterpret_cast<const float4*>(b_scale + column + quad));
    const int sums[4] = {sum.x, sum.y, sum.z, sum.w};
    const float scales[4] = {scale.x, scale.y, scale.z, scale.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float s = __fmul_rn(row_scale, scales[i]);
      result.value[quad + i] = __float2bfloat16_rn(__fmul_rn(s, __int2float_rn(sums[i])));
    }
  }
  ptx::st_global(reinterpret_cast<Bf16Vector*>(output + first), result);
}

__global__ void dequantize_weight_kernel(const std::int8_t* weight, const float* scale,
                                         std::int64_t n, std::int64_t k, __nv_bfloat16* output) {
  const std::int64_t count = n * k;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const float value =
        static_cast<float>(ptx::ld_global_nc(weight + i)) * ptx::ld_global_nc(scale + i / k);
    ptx::st_global(output + i, __float2bfloat16_rn(value));
  }
}

__global__ void weight_to_e4m3_kernel(const std::int8_t* weight, std::int64_t count,
                                      __nv_fp8_e4m3* output) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const auto value = static_cast<float>(ptx::ld_global_nc(weight + i));
    ptx::st_global(output + i, __nv_fp8_e4m3(value));
  }
}

}  // namespace

cudaError_t dequantize(const std::int32_t* acc, const float* a_scale, const float* b_scale,
                       std::int64_t m, std::int64_t n, __nv_bfloat16* output, cudaStream_t stream) {
  const std::int64_t columns_of_block = static_cast<std::int64_t>(kThreads) * kVector;
  const dim3 grid(static_cast<unsigned>(m),
                  static_cast<unsigned>((n + columns_of_block - 1) / columns_of_block));
  const kernels::LaunchConfig config{"benchmark_dequantize", grid, dim3(kThreads), 0, stream};
  return kernels::launch_kernel<&dequantize_kernel>(config, acc, a_scale, b_scale, n, output);
}

cudaError_t dequantize_weight(const std::int8_t* weight, const float* scale, std::int64_t n,
                              std::int64_t k, __nv_bfloat16* output, cudaStream_t stream) {
  return kernels::launch_kernel<&dequantize_weight_kernel>(
      grid_stride("benchmark_dequantize_weight", n * k, stream), weight, scale, n, k, output);
}

cudaError_t weight_to_e4m3(const std::int8_t* weight, std::int64_t count, __nv_fp8_e4m3* output,
                           cudaStream_t stream) {
  return kernels::launch_kernel<&weight_to_e4m3_kernel>(
      grid_stride("benchmark_weight_to_e4m3", count, stream), weight, count, output);
}

}  // namespace qlinear::benchmark
