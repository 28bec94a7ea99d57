#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

namespace qlinear::benchmark {
namespace {

/// Returns counter-based random bits: the finaliser of MurmurHash3 over two rounds.
__device__ __forceinline__ unsigned random_bits(std::int64_t index, unsigned seed) {
  auto bits = static_cast<unsigned>(index) ^ (static_cast<unsigned>(index >> 32) * 0x9e3779b9u);
  bits += seed * 0x85ebca6bu;
  for (int round = 0; round < 2; ++round) {
    bits ^= bits >> 16;
    bits *= 0x85ebca6bu;
    bits ^= bits >> 13;
    bits *= 0xc2b2ae35u;
    bits ^= bits >> 16;
  }
  return bits;
}

/// Returns a number uniform in (0, 1).
__device__ __forceinline__ float uniform(std::int64_t index, unsigned seed) {
  return (static_cast<float>(random_bits(index, seed) >> 8) + 0.5f) * 0x1p-24f;
}

/// Returns a standard normal number by the Box-Muller transform.
__device__ __forceinline__ float gaussian(std::int64_t index, unsigned seed) {
  constexpr float kTwoPi = 6.28318530718f;
  const float radius = sqrtf(-2.0f * logf(uniform(index, 2 * seed)));
  return radius * cosf(kTwoPi * uniform(index, 2 * seed + 1));
}

__device__ __forceinline__ void store_random(__nv_bfloat16* x, std::int64_t i, unsigned seed) {
  ptx::st_global(x + i, __float2bfloat16_rn(gaussian(i, seed)));
}

__device__ __forceinline__ void store_random(std::int8_t* x, std::int64_t i, unsigned seed) {
  const float value = rintf(gaussian(i, seed) * (127.0f / 4));
  ptx::st_global(x + i, static_cast<std::int8_t>(fminf(fmaxf(value, -127.0f), 127.0f)));
}

__device__ __forceinline__ void store_random(float* x, std::int64_t i, unsigned seed) {
  ptx::st_global(x + i, (0.5f + uniform(i, seed)) * 0x1p-8f);
}

template <class T>
__global__ void fill_kernel(T* x, std::int64_t count, unsigned seed) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    store_random(x, i, seed);
  }
}

template <class T>
cudaError_t fill(T* x, std::int64_t count, std::uint32_t seed, cudaStream_t stream) {
  return kernels::launch_kernel<&fill_kernel<T>>(grid_stride("benchmark_fill", count, stream), x,
                                                 count, static_cast<unsigned>(seed));
}

}  // namespace

cudaError_t fill_gaussian(__nv_bfloat16* x, std::int64_t count, std::uint32_t seed,
                          cudaStream_t stream) {
  return fill(x, count, seed, stream);
}

cudaError_t fill_gaussian(std::int8_t* x, std::int64_t count, std::uint32_t seed,
                          cudaStream_t stream) {
  return fill(x, count, seed, stream);
}

cudaError_t fill_scales(float* x, std::int64_t count, std::uint32_t seed, cudaStream_t stream) {
  return fill(x, count, seed, stream);
}

}  // namespace qlinear::benchmark
