#include <kernel_table.hpp>

#include <dp4a_gemm.hpp>
#include <dynamic_range_quantize.hpp>
#include <mma_sync_gemm.hpp>
#include <qlinear/kernels.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace qlinear::detail {
namespace {

constexpr int kOldestArchitecture = 75;
constexpr int kMaxSplitK = 32;

std::int64_t any_k(ElementKind) { return std::numeric_limits<std::int64_t>::max(); }

// In the order of preference: the first that can do the problem is chosen.
constexpr std::array kQuantizeKernels{
    QuantizeKernel{"quantize_registers", kOldestArchitecture, &kernels::quantize_registers_max_k,
                   &kernels::launch_quantize_registers},
    QuantizeKernel{"quantize_two_pass", kOldestArchitecture, &any_k,
                   &kernels::launch_quantize_two_pass},
};

template <int kTile>
constexpr GemmKernel dp4a_row() {
  constexpr kernels::Dp4aTile tile = kernels::kDp4aTiles[kTile];
  return {tile.name,
          kOldestArchitecture,
          false,
          KernelBackend::Dp4a,
          1,
          tile.m,
          tile.n,
          kernels::kDp4aTileK,
          tile.shared_bytes(),
          2,
          1,
          200.0,
          &kernels::launch_dp4a_gemm<kTile>};
}

template <int kTile>
constexpr GemmKernel mma_sync_row() {
  constexpr kernels::MmaSyncTile tile = kernels::kMmaSyncTiles[kTile];
  constexpr bool is_turing = tile.shape == kernels::MmaShape::M8N8K16;
  return {tile.name,
          is_turing ? 75 : 80,
          false,
          KernelBackend::MmaSync,
          tile.any_alignment ? 1 : 16,
          tile.m,
          tile.n,
          tile.k,
          tile.pipeline_bytes(),
          tile.blocks_per_multiprocessor,
          kMaxSplitK,
          is_turing ? 1000.0 : 1800.0,
          &kernels::launch_mma_sync_gemm<kTile>};
}

template <int... kDp4a, int... kMmaSync>
constexpr auto gemm_rows(std::integer_sequence<int, kDp4a...>,
                         std::integer_sequence<int, kMmaSync...>) {
  return std::array{dp4a_row<kDp4a>()..., mma_sync_row<kMmaSync>()...};
}

constexpr auto kGemmKernels =
    gemm_rows(std::make_integer_sequence<int, static_cast<int>(kernels::kDp4aTiles.size())>{},
              std::make_integer_sequence<int, static_cast<int>(kernels::kMmaSyncTiles.size())>{});

template <class Kernel>
const Kernel* find(std::span<const Kernel> kernels, std::string_view name) {
  const auto row = std::find_if(kernels.begin(), kernels.end(),
                                [name](const Kernel& kernel) { return name == kernel.name; });
  return row == kernels.end() ? nullptr : &*row;
}

PrecisionGuarantee guarantee(ElementKind element) {
  PrecisionGuarantee guarantee;
  guarantee.math_precision = element == ElementKind::F64 ? ElementKind::F64 : ElementKind::F32;
  return guarantee;
}

}  // namespace

std::span<const QuantizeKernel> quantize_kernels() { return kQuantizeKernels; }
std::span<const GemmKernel> gemm_kernels() { return kGemmKernels; }

const QuantizeKernel* find_quantize_kernel(std::string_view name) {
  return find(quantize_kernels(), name);
}
const GemmKernel* find_gemm_kernel(std::string_view name) { return find(gemm_kernels(), name); }

KernelSku make_sku(const QuantizeKernel& kernel, ElementKind element, ElementKind quantized) {
  KernelSku sku;
  sku.name = kernel.name;
  sku.category = KernelCategory::Quantize;
  sku.op = KernelOp::DynamicRangeQuantize;
  sku.element = element;
  sku.weight_element = quantized;
  sku.architecture = kernel.architecture;
  sku.precision_guarantee = guarantee(element);
  return sku;
}

KernelSku make_sku(const GemmKernel& kernel, ElementKind element, ElementKind weight) {
  KernelSku sku;
  sku.name = kernel.name;
  sku.element = element;
  sku.weight_element = weight;
  sku.architecture = kernel.architecture;
  sku.architecture_specific = kernel.architecture_specific;
  sku.backend = kernel.backend;
  sku.precision_guarantee = guarantee(element);
  return sku;
}

}  // namespace qlinear::detail

namespace qlinear {

std::vector<KernelSku> registered_kernels() {
  std::vector<KernelSku> skus;
  for (const auto& kernel : detail::quantize_kernels()) {
    skus.push_back(detail::make_sku(kernel, ElementKind::F32, ElementKind::S8));
  }
  for (const auto& kernel : detail::gemm_kernels()) {
    skus.push_back(detail::make_sku(kernel, ElementKind::F32, ElementKind::S8));
  }
  return skus;
}

}  // namespace qlinear
