#include <common/dispatch_element.hpp>
#include <quantize/dispatch_source.hpp>
#include <quantize/dynamic_range_quantize.hpp>
#include <quantize/fused_row.cuh>
#include <quantize/row_launch.hpp>
#include <runtime/launch.cuh>

namespace qlinear::kernels {
namespace {

template <class TIn, RowStorage kStorage>
constexpr unsigned max_threads() {
  return kStorage == RowStorage::Registers ? kRegisterRowThreads<TIn>
                                           : kMemoryRowThreads<scale_t<TIn>>;
}

template <class TIn, int kStatic, RowStorage kStorage>
__global__ void __launch_bounds__(max_threads<TIn, kStorage>(), 1)
    quantize_fused(FusedQuantizeProblem p, FusedOptions options) {
  quantize_fused_row<TIn, kStatic, kStorage, false>(p, options);
}

/// Several blocks share an SM, so that loads, arithmetic and stores of different rows overlap.
constexpr unsigned kSharedRowThreads = 256;
constexpr unsigned kSharedRowBlocks = 4;
constexpr std::int64_t kSharedRowMaxK = 30 * 1024;

constexpr std::size_t shared_row_bytes(std::int64_t chunks) {
  const auto warps = static_cast<std::size_t>((chunks + 31) / 32);
  return RowExchange<float, false>::kSharedBytes + warps * 32 * sizeof(Chunk<__half>);
}
static_assert(shared_row_bytes(kSharedRowMaxK / kChunkElements) <= std::size_t{64} * 1024,
              "a block's row fits the shared memory of compute capability 7.5");

template <class TIn, int kStatic>
__global__ void __launch_bounds__(kSharedRowThreads, kSharedRowBlocks)
    quantize_fused_shared(FusedQuantizeProblem p, FusedOptions options) {
  quantize_fused_row<TIn, kStatic, RowStorage::Shared, false>(p, options);
}

/// Starts blocks of just the threads with which each has as many chunks.
template <class TIn, int kStatic>
cudaError_t launch_fused_shared_rows(const FusedQuantizeProblem& p, cudaStream_t stream) {
  const auto row_blocks = std::max(kFewestRowBlocks, static_cast<unsigned>(p.rows.m));
  const auto chunks =
      static_cast<unsigned>(std::max<std::int64_t>(1, divide_up(p.rows.k, kChunkElements)));
  const unsigned chunks_of_thread = (chunks + kSharedRowThreads - 1) / kSharedRowThreads;
  const unsigned threads = (chunks + chunks_of_thread - 1) / chunks_of_thread;
  const unsigned block = (threads + 31) / 32 * 32;
  const LaunchConfig config = row_launch_config("quantize_shared", p.rows, row_blocks, dim3(block),
                                                shared_row_bytes(chunks), stream);
  FusedOptions options = fused_options<TIn>(p, block, row_blocks);
  // With many rows a GEMM that starts beside them takes longer: up to 3 % of a layer on an H200.
  options.rows.lets_gemm_in_early = false;
  options.rows.lets_gemm_in_at_once = false;
  return launch_kernel<&quantize_fused_shared<TIn, kStatic>>(config, p, options);
}

template <class TIn, int kStatic, RowStorage kStorage>
cudaError_t launch_fused_rows(const char* name, const FusedQuantizeProblem& p, unsigned threads,
                              cudaStream_t stream) {
  const auto row_blocks = std::max(kFewestRowBlocks, static_cast<unsigned>(p.rows.m));
  const LaunchConfig config =
      row_launch_config(name, p.rows, row_blocks, dim3(threads),
                        RowExchange<scale_t<TIn>, false>::kSharedBytes, stream);
  return launch_kernel<&quantize_fused<TIn, kStatic, kStorage>>(
      config, p, fused_options<TIn>(p, threads, row_blocks));
}

}  // namespace

std::int64_t fused_quantize_registers_max_k(ElementKind element, SourceKind) {
  const bool is_narrow = element == ElementKind::F16 || element == ElementKind::BF16;
  const unsigned threads = is_narrow ? kRegisterRowThreads<__half> : kRegisterRowThreads<float>;
  return std::int64_t{threads} * kChunkElements;
}

cudaError_t launch_fused_quantize_registers(const FusedQuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element<kEveryPair>(p.rows.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    const unsigned threads =
        threads_per_row(p.rows.m, p.rows.k, 1, max_threads<TIn, RowStorage::Registers>());
    return dispatch_source<TIn>(p.source.kind, [&](auto source) {
      return launch_fused_rows<TIn, decltype(source)::value, RowStorage::Registers>(
          "quantize_registers", p, threads, stream);
    });
  });
}

std::int64_t quantize_shared_max_k(ElementKind element) {
  return fused_quantize_shared_max_k(element, SourceKind::Plain);
}

cudaError_t launch_quantize_shared(const QuantizeProblem& p, cudaStream_t stream) {
  return launch_fused_quantize_shared({p, {}, {}}, stream);
}

std::int64_t fused_quantize_shared_max_k(ElementKind element, SourceKind source) {
  const bool has_kernel = (element == ElementKind::F16 || element == ElementKind::BF16) &&
                          (source == SourceKind::Plain || source == SourceKind::Gated);
  return has_kernel ? kSharedRowMaxK : -1;
}

cudaError_t launch_fused_quantize_shared(const FusedQuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element<kEveryPair>(p.rows.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    if constexpr (sizeof(TIn) == 2) {
      if (p.source.kind == SourceKind::Plain) {
        return launch_fused_shared_rows<TIn, static_cast<int>(SourceKind::Plain)>(p, stream);
      }
      if (p.source.kind == SourceKind::Gated) {
        return launch_fused_shared_rows<TIn, static_cast<int>(SourceKind::Gated)>(p, stream);
      }
    }
    return cudaErrorInvalidValue;
  });
}

cudaError_t launch_fused_quantize_two_pass(const FusedQuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element<kEveryPair>(p.rows.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    return launch_fused_rows<TIn, kAnySource, RowStorage::Memory>(
        "quantize_two_pass", p, kMemoryRowThreads<scale_t<TIn>>, stream);
  });
}

}  // namespace qlinear::kernels
