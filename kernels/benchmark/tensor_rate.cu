#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>
#include <ptx/mma.cuh>

namespace qlinear::benchmark {
namespace {

// Each warp holds kRows x kColumns independent m16n8 accumulators and their fragments, so that only
// the tensor cores limit it.
constexpr int kRows = 4;
constexpr int kColumns = 4;

__global__ void __launch_bounds__(kThreads)
    mma_sync_kernel(const unsigned* operands, int iterations, unsigned* sink) {
  unsigned a[kRows][4];
  unsigned b[kColumns][2];
  int c[kRows][kColumns][4] = {};
  const unsigned* fragment = operands + threadIdx.x;
#pragma unroll
  for (int row = 0; row < kRows; ++row) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      a[row][i] = ptx::ld_global_nc(fragment + (row * 4 + i) * static_cast<int>(kThreads));
    }
  }
#pragma unroll
  for (int column = 0; column < kColumns; ++column) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      b[column][i] =
          ptx::ld_global_nc(fragment + (16 + column * 2 + i) * static_cast<int>(kThreads));
    }
  }
  for (int iteration = 0; iteration < iterations; ++iteration) {
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
#pragma unroll
      for (int column = 0; column < kColumns; ++column) {
        ptx::mma_m16n8k32<false>(c[row][column], a[row], b[column]);
      }
    }
  }
  int mixed = 0;
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      for (int i = 0; i < 4; ++i) mixed ^= c[row][column][i];
    }
  }
  if (mixed == 0x5eed1e55) ptx::st_global(sink, static_cast<unsigned>(mixed));
}

static_assert(kTensorRateOperandBytes >= (kRows * 4 + kColumns * 2) * int{kThreads} * 4,
              "every thread reads its own fragments");

}  // namespace

cudaError_t run_mma_sync(const std::int8_t* operands, int iterations, int blocks, unsigned* sink,
                         double* operations, cudaStream_t stream) {
  constexpr double kOperationsOfWarp = 2.0 * 16 * 8 * 32 * kRows * kColumns;
  *operations = kOperationsOfWarp * (kThreads / 32) * iterations * blocks;
  const kernels::LaunchConfig config{"benchmark_mma_sync", dim3(static_cast<unsigned>(blocks)),
                                     dim3(kThreads), 0, stream};
  return kernels::launch_kernel<&mma_sync_kernel>(
      config, reinterpret_cast<const unsigned*>(operands), iterations, sink);
}

}  // namespace qlinear::benchmark
