#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

// What stands between the linears of a decoder layer, as kernels of its own: the baseline of fused
// sources. A block has a row, a thread 16 bytes of it at a time, and a row is read once.

namespace qlinear::benchmark {
namespace {

constexpr int kVector = 8;
constexpr unsigned kMaxThreads = 512;
constexpr int kMaxVectors = 4;  // Of a thread.

struct alignas(16) Bf16Vector {
  __nv_bfloat16 value[kVector];
};

__device__ __forceinline__ Bf16Vector load_vector(const __nv_bfloat16* x) {
  return ptx::ld_global(reinterpret_cast<const Bf16Vector*>(x));
}

__device__ __forceinline__ float block_sum(float value) {
  auto* sums = reinterpret_cast<float*>(ptx::dynamic_shared_memory());
  for (unsigned offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  if (threadIdx.x % 32 == 0) ptx::st_shared(&sums[threadIdx.x / 32], value);
  __syncthreads();
  float sum = 0;
  for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) sum += ptx::ld_shared(&sums[warp]);
  return sum;
}

__global__ void __launch_bounds__(kMaxThreads)
    add_rms_norm_kernel(const __nv_bfloat16* x, const __nv_bfloat16* residual,
                        const __nv_bfloat16* weight, int k, float eps, __nv_bfloat16* residual_out,
                        __nv_bfloat16* normed) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * k;
  const int step = static_cast<int>(blockDim.x) * kVector;
  Bf16Vector held[kMaxVectors];
  float squares = 0;
#pragma unroll
  for (int i = 0; i < kMaxVectors; ++i) {
    const int at = static_cast<int>(threadIdx.x) * kVector + i * step;
    if (at >= k) continue;
    const Bf16Vector a = load_vector(x + row + at);
    const Bf16Vector b = load_vector(residual + row + at);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      const float sum = __bfloat162float(a.value[j]) + __bfloat162float(b.value[j]);
      held[i].value[j] = __float2bfloat16_rn(sum);
      const float r = __bfloat162float(held[i].value[j]);
      squares += r * r;
    }
    ptx::st_global(reinterpret_cast<Bf16Vector*>(residual_out + row + at), held[i]);
  }
  const float factor = 1.0f / sqrtf(block_sum(squares) / static_cast<float>(k) + eps);
#pragma unroll
  for (int i = 0; i < kMaxVectors; ++i) {
    const int at = static_cast<int>(threadIdx.x) * kVector + i * step;
    if (at >= k) continue;
    const Bf16Vector w = load_vector(weight + at);
    Bf16Vector y;
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      y.value[j] = __float2bfloat16_rn(__bfloat162float(held[i].value[j]) * factor *
                                       __bfloat162float(w.value[j]));
    }
    ptx::st_global(reinterpret_cast<Bf16Vector*>(normed + row + at), y);
  }
}

__global__ void silu_multiply_kernel(const __nv_bfloat16* gate_up, int k, __nv_bfloat16* output) {
  const int vectors = k / kVector;
  const std::int64_t row = blockIdx.y;
  const int vector = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (vector >= vectors) return;
  const __nv_bfloat16* gates = gate_up + row * 2 * k;
  const Bf16Vector g = load_vector(gates + vector * kVector);
  const Bf16Vector u = load_vector(gates + k + vector * kVector);
  Bf16Vector y;
#pragma unroll
  for (int j = 0; j < kVector; ++j) {
    const float gate = __bfloat162float(g.value[j]);
    const float activated = gate / (1.0f + expf(-gate));
    y.value[j] = __float2bfloat16_rn(activated * __bfloat162float(u.value[j]));
  }
  ptx::st_global(reinterpret_cast<Bf16Vector*>(output + row * k + vector * kVector), y);
}

}  // namespace

cudaError_t add_rms_norm(const __nv_bfloat16* x, const __nv_bfloat16* residual,
                         const __nv_bfloat16* weight, std::int64_t m, std::int64_t k, float eps,
                         __nv_bfloat16* residual_out, __nv_bfloat16* normed, cudaStream_t stream) {
  const auto vectors = static_cast<unsigned>(k / kVector);
  const unsigned threads = vectors < kMaxThreads ? (vectors + 31) / 32 * 32 : kMaxThreads;
  const kernels::LaunchConfig config{"benchmark_add_rms_norm", dim3(static_cast<unsigned>(m)),
                                     dim3(threads), 32 * sizeof(float), stream};
  return kernels::launch_kernel<&add_rms_norm_kernel>(
      config, x, residual, weight, static_cast<int>(k), eps, residual_out, normed);
}

cudaError_t silu_multiply(const __nv_bfloat16* gate_up, std::int64_t m, std::int64_t k,
                          __nv_bfloat16* output, cudaStream_t stream) {
  const auto vectors = static_cast<unsigned>(k / kVector);
  const kernels::LaunchConfig config{
      "benchmark_silu_multiply",
      dim3((vectors + kThreads - 1) / kThreads, static_cast<unsigned>(m)), dim3(kThreads), 0,
      stream};
  return kernels::launch_kernel<&silu_multiply_kernel>(config, gate_up, static_cast<int>(k),
                                                       output);
}

}  // namespace qlinear::benchmark
