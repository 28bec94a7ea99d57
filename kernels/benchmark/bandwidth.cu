#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

namespace qlinear::benchmark {
namespace {

/// A thread keeps this many independent 16-byte loads in flight.
constexpr int kUnroll = 4;

__global__ void copy_kernel(uint4* to, const uint4* from, std::int64_t words) {
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  std::int64_t i = thread;
  for (; i + (kUnroll - 1) * threads < words; i += kUnroll * threads) {
    uint4 value[kUnroll];
#pragma unroll
    for (int j = 0; j < kUnroll; ++j) value[j] = ptx::ld_global_nc(from + i + j * threads);
#pragma unroll
    for (int j = 0; j < kUnroll; ++j) ptx::st_global(to + i + j * threads, value[j]);
  }
  for (; i < words; i += threads) ptx::st_global(to + i, ptx::ld_global_nc(from + i));
}

__global__ void read_kernel(const uint4* from, std::int64_t words, unsigned* sink) {
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  unsigned mixed = 0;
#pragma unroll kUnroll
  for (std::int64_t i = thread; i < words; i += threads) {
    const uint4 value = ptx::ld_global_nc(from + i);
    mixed ^= value.x ^ value.y ^ value.z ^ value.w;
  }
  // It is never so for the data that the benchmark reads, which the compiler cannot know.
  if (mixed == 0x5eed1e55u) ptx::st_global(sink, mixed);
}

kernels::LaunchConfig fixed_grid(const char* name, int blocks, cudaStream_t stream) {
  return {name, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, stream};
}

}  // namespace

cudaError_t copy_bytes(void* to, const void* from, std::int64_t bytes, int blocks,
                       cudaStream_t stream) {
  return kernels::launch_kernel<&copy_kernel>(fixed_grid("benchmark_copy", blocks, stream),
                                              static_cast<uint4*>(to),
                                              static_cast<const uint4*>(from), bytes / 16);
}

cudaError_t read_bytes(const void* from, std::int64_t bytes, int blocks, unsigned* sink,
                       cudaStream_t stream) {
  return kernels::launch_kernel<&read_kernel>(fixed_grid("benchmark_read", blocks, stream),
                                              static_cast<const uint4*>(from), bytes / 16, sink);
}

}  // namespace qlinear::benchmark
