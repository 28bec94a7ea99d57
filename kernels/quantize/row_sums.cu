#include <gemm/load_k_chunk.cuh>
#include <ptx/dp4a.cuh>
#include <quantize/row_exchange.cuh>
#include <quantize/row_sums.hpp>
#include <runtime/launch.cuh>

#include <algorithm>

namespace qlinear::kernels {
namespace {

constexpr unsigned kBlockWarps = 8;

template <bool kUnsigned>
__device__ __forceinline__ int add_bytes(const uint4& bytes, int sum) {
  constexpr unsigned kOnes = 0x01010101u;
  sum = ptx::dp4a<kUnsigned>(kOnes, bytes.x, sum);
  sum = ptx::dp4a<kUnsigned>(kOnes, bytes.y, sum);
  sum = ptx::dp4a<kUnsigned>(kOnes, bytes.z, sum);
  return ptx::dp4a<kUnsigned>(kOnes, bytes.w, sum);
}

/// A warp adds up a row at a time.
template <bool kUnsigned>
__global__ void __launch_bounds__(32 * kBlockWarps) row_sums(RowSumsProblem p) {
  const std::int64_t warps = std::int64_t{gridDim.x} * kBlockWarps;
  for (std::int64_t row = std::int64_t{blockIdx.x} * kBlockWarps + threadIdx.y; row < p.rows;
       row += warps) {
    const auto* bytes = static_cast<const std::uint8_t*>(p.matrix) + row * p.ld;
    int sum = 0;
    for (std::int64_t first = threadIdx.x * kChunkElements; first < p.columns;
         first += 32 * kChunkElements) {
      sum = add_bytes<kUnsigned>(load_k_chunk(bytes, first, p.columns), sum);
    }
    // Unsigned, since the sum may wrap.
    const unsigned total = tree_sum(static_cast<unsigned>(sum));
    if (threadIdx.x == 0) ptx::st_global(p.sums + row, static_cast<std::int32_t>(total));
  }
}

}  // namespace

cudaError_t launch_row_sums(const RowSumsProblem& p, cudaStream_t stream) {
  constexpr std::int64_t kMostBlocks = 1 << 12;
  const auto blocks = std::min(kMostBlocks, divide_up(p.rows, kBlockWarps));
  LaunchConfig config{"row_sums", dim3(static_cast<unsigned>(blocks)), dim3(32, kBlockWarps)};
  config.stream = stream;
  return p.element == ElementKind::U8 ? launch_kernel<&row_sums<true>>(config, p)
                                      : launch_kernel<&row_sums<false>>(config, p);
}

}  // namespace qlinear::kernels
