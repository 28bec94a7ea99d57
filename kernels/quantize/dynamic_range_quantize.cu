#include <common/dispatch_element.hpp>
#include <quantize/dynamic_range_quantize.hpp>
#include <quantize/quantize_row.cuh>
#include <quantize/row_launch.hpp>
#include <runtime/launch.cuh>

namespace qlinear::kernels {
namespace {

/// A block has as many threads as leave each the registers that it needs.
template <class TIn>
constexpr unsigned max_threads() {
  return sizeof(TIn) == 8 ? 512 : 1024;
}

/// Returns this thread's row: a block holds blockDim.y rows of blockDim.x threads each.
__device__ __forceinline__ std::int64_t row_of_thread() {
  return std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
}

/// Reads the row once and holds it in registers between the two steps.
template <class TIn>
__global__ void __launch_bounds__(max_threads<TIn>(), 1)
    quantize_registers(QuantizeProblem p, RowOptions options) {
  if (blockIdx.x >= options.row_blocks)
    return prefetch_weights(p.gemm.prefetch, options.row_blocks);
  const Row<TIn> row(p, row_of_thread());
  if (options.prefetches_rows) row.prefetch(threadIdx.x, blockDim.x);
  wait_and_let_gemm_in(options);
  const HeldChunks<TIn> held(row, threadIdx.x, blockDim.x, options);
  const auto scale = row.scale(p, row_max(held.magnitude()), threadIdx.x == 0);
  held.quantize(scale, p.q_min, p.q_max);
  clear_counters(p, options);
}

/// Takes rows of any length: reads them once for the maximum and again to quantize, from the L2
/// where they fit.
template <class TIn>
__global__ void __launch_bounds__(max_threads<TIn>(), 1)
    quantize_two_pass(QuantizeProblem p, RowOptions options) {
  if (blockIdx.x >= options.row_blocks)
    return prefetch_weights(p.gemm.prefetch, options.row_blocks);
  const Row<TIn> row(p, row_of_thread());
  if (options.prefetches_rows) row.prefetch(threadIdx.x, blockDim.x);
  wait_and_let_gemm_in(options);
  const std::int64_t begin = std::int64_t{threadIdx.x} * kChunkElements;
  const std::int64_t step = std::int64_t{blockDim.x} * kChunkElements;
  Chunk<TIn> chunk;
  typename Element<TIn>::Magnitude magnitude = 0;
#pragma unroll 1
  for (std::int64_t first = begin; first < row.k; first += step) {
    load_chunk(chunk, row.x, first, row.k, options.x_aligned);
    magnitude = max_magnitude(chunk, magnitude);
  }
  const auto scale = row.scale(p, row_max(magnitude), threadIdx.x == 0);
#pragma unroll 1
  for (std::int64_t first = begin; first < row.k; first += step) {
    load_chunk(chunk, row.x, first, row.k, options.x_aligned);
    store_chunk(row.q, first, row.k, options.q_aligned,
                quantize_chunk(chunk, scale, p.q_min, p.q_max));
  }
  clear_counters(p, options);
}

template <class TIn, auto kKernel>
cudaError_t launch_rows(const char* name, const QuantizeProblem& p, unsigned threads,
                        cudaStream_t stream) {
  constexpr unsigned kBlockThreads = 256;
  const unsigned rows = std::max(1u, kBlockThreads / threads);
  const auto row_blocks = std::max(kFewestRowBlocks, static_cast<unsigned>(divide_up(p.m, rows)));
  const LaunchConfig config =
      row_launch_config(name, p, row_blocks, dim3(threads, rows), kRowMaxBytes, stream);
  return launch_kernel<kKernel>(config, p, row_options<TIn>(p, threads, row_blocks));
}

}  // namespace

std::int64_t quantize_registers_max_k(ElementKind element) {
  std::int64_t max_k = 0;
  (void)dispatch_element<kEveryPair>(element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    max_k = std::int64_t{max_threads<TIn>()} * kHeldChunks<TIn> * kChunkElements;
    return cudaSuccess;
  });
  return max_k;
}

cudaError_t launch_quantize_registers(const QuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element<kEveryPair>(p.element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    return launch_rows<TIn, &quantize_registers<TIn>>(
        "quantize_registers", p, threads_per_row(p.m, p.k, kHeldChunks<TIn>, max_threads<TIn>()),
        stream);
  });
}

cudaError_t launch_quantize_two_pass(const QuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element<kEveryPair>(p.element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    return launch_rows<TIn, &quantize_two_pass<TIn>>(
        "quantize_two_pass", p, threads_per_row(p.m, p.k, 1, max_threads<TIn>()), stream);
  });
}

}  // namespace qlinear::kernels
