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

template <class TIn, int kStatic, RowStorage kStorage>
cudaError_t launch_fused_rows(const char* name, const FusedQuantizeProblem& p, unsigned threads,
                              cudaStream_t stream) {
  const auto row_blocks = std::max(kFewestRowBlocks, static_cast<unsigned>(p.rows.m));
  const unsigned more = kStorage == RowStorage::Registers ? threads_for_scale(p, threads) : 0;
  const LaunchConfig config =
      row_launch_config(name, p.rows, row_blocks, dim3(threads + more),
                        RowExchange<scale_t<TIn>, false>::kSharedBytes, stream);
  return launch_kernel<&quantize_fused<TIn, kStatic, kStorage>>(
      config, p, fused_options<TIn>(p, threads, row_blocks));
}

}  // namespace

std::int64_t fused_quantize_registers_max_k(ElementKind element) {
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

cudaError_t launch_fused_quantize_two_pass(const FusedQuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element<kEveryPair>(p.rows.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    return launch_fused_rows<TIn, kAnySource, RowStorage::Memory>(
        "quantize_two_pass", p, kMemoryRowThreads<scale_t<TIn>>, stream);
  });
}

}  // namespace qlinear::kernels
