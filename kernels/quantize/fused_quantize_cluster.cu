#include <common/dispatch_element.hpp>
#include <quantize/dispatch_source.hpp>
#include <quantize/dynamic_range_quantize.hpp>
#include <quantize/fused_row.cuh>
#include <runtime/launch.cuh>

namespace qlinear::kernels {
namespace {

constexpr unsigned kThreads = kFewThreads;

/// With how many of its like a block is to find registers: the fewer it has, the more a GEMM that
/// starts beside it finds.
template <int kStatic>
constexpr unsigned kBlocksOfAnSm = kStatic == static_cast<int>(SourceKind::Gated) ? 4 : 3;

/// Runs a cluster of blocks along y for each row.
template <class TIn, int kStatic>
__global__ void __launch_bounds__(kThreads, kBlocksOfAnSm<kStatic>)
    quantize_fused_cluster(FusedQuantizeProblem p, FusedOptions options) {
  quantize_fused_row<TIn, kStatic, RowStorage::Registers, true>(p, options);
}

}  // namespace

std::int64_t fused_quantize_cluster_max_k(ElementKind element, SourceKind) {
  // Engines do not quantize long rows of f32 or f64 with a source: those take other kernels.
  const bool has_kernel = element == ElementKind::F16 || element == ElementKind::BF16;
  return has_kernel ? std::int64_t{kMaxClusterBlocks} * kThreads * kChunkElements : -1;
}

cudaError_t launch_fused_quantize_cluster(const FusedQuantizeProblem& p, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(quantize_cluster_blocks(p.rows.k));
  const auto row_clusters = static_cast<unsigned>(p.rows.m);
  const auto clusters =
      row_clusters + static_cast<unsigned>(divide_up(p.rows.gemm.prefetch.blocks, blocks));
  LaunchConfig config{"quantize_cluster", dim3(clusters, blocks), dim3(kThreads)};
  config.cluster = dim3(1, blocks);
  config.stream = stream;
  config.programmatic_dependent = p.rows.programmatic_dependent;
  return dispatch_element<kCommonPairs>(p.rows.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    config.dynamic_shared_bytes = RowExchange<scale_t<TIn>, true>::kSharedBytes;
    return dispatch_source<TIn>(p.source.kind, [&](auto source) {
      return launch_kernel<&quantize_fused_cluster<TIn, decltype(source)::value>>(
          config, p, fused_options<TIn>(p, kThreads, row_clusters));
    });
  });
}

}  // namespace qlinear::kernels
