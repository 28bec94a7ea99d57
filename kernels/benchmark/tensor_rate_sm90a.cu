#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>
#include <ptx/wgmma.cuh>

namespace qlinear::benchmark {
namespace {

// Two warpgroups multiply 64 x 128 bytes each by one shared 256 x 128 bytes, both resident in
// shared memory in the 128-byte swizzle: the traffic of the best tile, without its loads.
constexpr unsigned kWarpgroups = 2;
constexpr unsigned kWarpgroupThreads = 128;
constexpr int kColumns = 256;
constexpr int kRowBytes = 128;
constexpr int kABytes = 64 * kRowBytes;
constexpr int kBBytes = kColumns * kRowBytes;
constexpr int kStepBytes = 32;
constexpr int kSharedBytes = int{kWarpgroups} * kABytes + kBBytes;
static_assert(kTensorRateOperandBytes >= kSharedBytes, "the operands fill the tiles");

__device__ __forceinline__ void copy_operands(unsigned char* shared, const std::int8_t* operands) {
  for (int i = static_cast<int>(threadIdx.x) * 16; i < kSharedBytes;
       i += static_cast<int>(blockDim.x) * 16) {
    ptx::st_shared(reinterpret_cast<uint4*>(shared + i),
                   ptx::ld_global_nc(reinterpret_cast<const uint4*>(operands + i)));
  }
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
  __syncthreads();
}

__global__ void __launch_bounds__(kWarpgroups* kWarpgroupThreads, 1)
    wgmma_kernel(const std::int8_t* operands, int iterations, unsigned* sink) {
  unsigned char* b = ptx::dynamic_shared_memory();
  const unsigned char* a =
      b + kBBytes + static_cast<int>(threadIdx.x / kWarpgroupThreads) * kABytes;
  copy_operands(b, operands);
  int d[kColumns / 2] = {};
#pragma unroll 1
  for (int iteration = 0; iteration < iterations; ++iteration) {
    ptx::wgmma_fence();
#pragma unroll
    for (int step = 0; step < kRowBytes; step += kStepBytes) {
      ptx::wgmma_m64k32<kColumns, false, false>(d, ptx::wgmma_descriptor(a + step),
                                                ptx::wgmma_descriptor(b + step), true);
    }
    ptx::wgmma_commit_group();
  }
  ptx::wgmma_wait_group<0>();
  int mixed = 0;
#pragma unroll
  for (int i = 0; i < kColumns / 2; ++i) mixed ^= d[i];
  if (mixed == 0x5eed1e55) ptx::st_global(sink, static_cast<unsigned>(mixed));
}

}  // namespace

cudaError_t run_wgmma(const std::int8_t* operands, int iterations, int blocks, unsigned* sink,
                      double* operations, cudaStream_t stream) {
  constexpr double kOperationsOfIteration = 2.0 * 64 * kColumns * kRowBytes * kWarpgroups;
  *operations = kOperationsOfIteration * iterations * blocks;
  const kernels::LaunchConfig config{"benchmark_wgmma", dim3(static_cast<unsigned>(blocks)),
                                     dim3(kWarpgroups * kWarpgroupThreads), kSharedBytes, stream};
  return kernels::launch_kernel<&wgmma_kernel>(config, operands, iterations, sink);
}

}  // namespace qlinear::benchmark
