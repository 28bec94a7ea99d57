#include <selection/kernel_table.hpp>

#include <common/gated_rows.hpp>
#include <gemm/dp4a/gemm.hpp>
#include <gemm/mma_sync/gemm.hpp>
#include <gemm/mma_sync/tma_gemm.hpp>
#include <gemm/wgmma/gemm.hpp>
#include <qlinear/kernels.hpp>
#include <quantize/dynamic_range_quantize.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

namespace qlinear::detail {
namespace {

constexpr int kOldestArchitecture = 75;
constexpr int kClusterArchitecture = 90;
constexpr std::int64_t kAnyExtent = std::numeric_limits<std::int64_t>::max();
constexpr int kMaxWorkspaceSplit = 16;

std::int64_t any_k(ElementKind) { return std::numeric_limits<std::int64_t>::max(); }
std::int64_t any_fused_k(ElementKind, SourceKind) { return any_k(ElementKind::F32); }

constexpr QuantizeKernel quantize_cluster_row() {
  QuantizeKernel row{};
  row.name = "quantize_cluster";
  row.family = KernelFamily::QuantizeCluster;
  row.architecture = kClusterArchitecture;
  if constexpr (is_compiled(KernelFamily::QuantizeCluster)) {
    row.max_k = &kernels::quantize_cluster_max_k;
    row.cluster_blocks = &kernels::quantize_cluster_blocks;
    row.launch = &kernels::launch_quantize_cluster;
    row.fused_max_k = &kernels::fused_quantize_cluster_max_k;
    row.launch_fused = &kernels::launch_fused_quantize_cluster;
  }
  return row;
}

// Rows stand in order of preference: selection takes the first that suits the problem.
constexpr std::array kQuantizeRows{
    quantize_cluster_row(),
    QuantizeKernel{"quantize_shared", KernelFamily::Quantize, kOldestArchitecture,
                   &kernels::quantize_shared_max_k, nullptr, &kernels::launch_quantize_shared,
                   &kernels::fused_quantize_shared_max_k, &kernels::launch_fused_quantize_shared,
                   true},
    QuantizeKernel{"quantize_registers", KernelFamily::Quantize, kOldestArchitecture,
                   &kernels::quantize_registers_max_k, nullptr, &kernels::launch_quantize_registers,
                   &kernels::fused_quantize_registers_max_k,
                   &kernels::launch_fused_quantize_registers},
    QuantizeKernel{"quantize_two_pass", KernelFamily::Quantize, kOldestArchitecture, &any_k,
                   nullptr, &kernels::launch_quantize_two_pass, &any_fused_k,
                   &kernels::launch_fused_quantize_two_pass},
};

/// Fills in what the cost model knows of `row`, which has its name and tile: a stage takes as long
/// as its products or the operands' way through shared memory.
constexpr void set_cost(GemmKernel& row, const FamilyCost& family, double operand_clocks = 0) {
  const TileCost tile = tile_cost(row.name, family);
  const double products = row.tile_m * row.tile_n * row.tile_k / tile.macs_per_clock;
  row.cost = &family;
  row.operand_clocks = operand_clocks;
  row.stage_clocks = std::max(products, operand_clocks) + tile.stage_gap_clocks;
}

template <int kTile>
constexpr GemmKernel dp4a_row() {
  constexpr kernels::Dp4aTile kTileRow = kernels::kDp4aTiles[kTile];
  GemmKernel row{};
  row.name = kTileRow.name;
  row.family = KernelFamily::Dp4a;
  row.types = kernels::kEveryPair;
  row.architecture = kOldestArchitecture;
  row.backend = KernelBackend::Dp4a;
  row.alignment = 1;
  row.max_extent = kAnyExtent;
  row.tile_m = kTileRow.m;
  row.tile_n = kTileRow.n;
  row.tile_k = kernels::kDp4aTileK;
  row.cluster_m = 1;
  row.shared_bytes = kTileRow.shared_bytes();
  row.pipeline_bytes = kTileRow.shared_bytes();
  row.blocks_per_sm = 2;
  row.max_split_k = 1;
  set_cost(row, kDp4aCost);
  if constexpr (is_compiled(KernelFamily::Dp4a)) row.launch = &kernels::launch_dp4a_gemm<kTile>;
  return row;
}

template <int kTile>
constexpr GemmKernel mma_sync_row() {
  constexpr kernels::MmaSyncTile kTileRow = kernels::kMmaSyncTiles[kTile];
  constexpr bool kIsTuring = kTileRow.shape == kernels::MmaShape::M8N8K16;
  constexpr auto kFamily = kIsTuring ? KernelFamily::MmaM8N8K16 : KernelFamily::MmaM16N8K32;
  GemmKernel row{};
  row.name = kTileRow.name;
  row.family = kFamily;
  row.types = kTileRow.types;
  row.architecture = kIsTuring ? 75 : 80;
  row.backend = KernelBackend::MmaSync;
  row.alignment = kTileRow.any_alignment ? 1 : 16;
  row.max_extent = kAnyExtent;
  row.tile_m = kTileRow.m;
  row.tile_n = kTileRow.n;
  row.tile_k = kTileRow.k;
  row.cluster_m = 1;
  row.shared_bytes = kTileRow.pipeline_bytes();
  row.pipeline_bytes = kTileRow.pipeline_bytes();
  row.blocks_per_sm = kTileRow.blocks_per_sm;
  row.split = SplitK::Workspace;
  row.max_split_k = kMaxWorkspaceSplit;
  set_cost(row, kMmaSyncCost);
  if constexpr (is_compiled(kFamily)) row.launch = &kernels::launch_mma_sync_gemm<kTile>;
  return row;
}

// TMA's coordinates are signed 32-bit numbers, and the last tile reaches past the end of its
// operand.
constexpr std::int64_t kMaxTmaExtent = std::numeric_limits<std::int32_t>::max() - 1023;

/// Fills in what all rows of TMA-fed kernels share.
template <class Tile>
constexpr GemmKernel tma_row(const Tile& tile) {
  GemmKernel row{};
  row.name = tile.name;
  row.family = KernelFamily::Sm90a;
  row.types = tile.types;
  row.architecture = 90;
  row.architecture_specific = true;
  row.alignment = 16;
  row.max_extent = kMaxTmaExtent;
  row.gate_multiple = kernels::kGatedTmaMultiple;
  row.cluster_m = 1;
  row.shared_bytes = tile.shared_bytes();
  row.pipeline_bytes = static_cast<std::size_t>(tile.pipeline_bytes());
  row.blocks_per_sm = 1;
  return row;
}

template <int kTile>
constexpr GemmKernel mma_sync_tma_row() {
  constexpr kernels::MmaSyncTmaTile kTileRow = kernels::kMmaSyncTmaTiles[kTile];
  GemmKernel row = tma_row(kTileRow);
  row.backend = KernelBackend::MmaSync;
  row.tile_m = kTileRow.m;
  row.tile_n = kTileRow.n;
  row.tile_k = kernels::kMmaSyncTmaTileK;
  row.split = SplitK::Workspace;
  row.max_split_k = kMaxWorkspaceSplit;
  set_cost(row, kMmaSyncTmaCost);
  if constexpr (is_compiled(KernelFamily::Sm90a)) {
    row.launch = &kernels::launch_mma_sync_tma_gemm<kTile>;
  }
  return row;
}

/// An instruction reads 64 rows and its columns from shared memory: where columns are few, that
/// takes longer than its products.
constexpr double wgmma_operand_clocks(const kernels::WgmmaTile& tile) {
  constexpr double kSharedBytesPerClock = 128;
  constexpr int kInstructionRows = 64;
  const int bytes = (kInstructionRows + tile.columns) * kernels::kWgmmaTileK;
  return tile.consumers() * bytes / kSharedBytesPerClock;
}

template <int kTile>
constexpr GemmKernel wgmma_row() {
  constexpr kernels::WgmmaTile kTileRow = kernels::kWgmmaTiles[kTile];
  GemmKernel row = tma_row(kTileRow);
  row.backend = KernelBackend::Wgmma;
  row.tile_m = kTileRow.tile_m();
  row.tile_n = kTileRow.tile_n();
  row.tile_k = kernels::kWgmmaTileK;
  row.cluster_m = kTileRow.cluster_m;
  row.blocks_per_sm = kTileRow.blocks_per_sm;
  row.split = SplitK::Cluster;
  row.max_split_k = kTileRow.max_split_k();
  row.spreads_weight_rows = kTileRow.spreads_weight_rows();
  // A cluster starts only where all of its blocks fit. On an H200, clusters of two gained by
  // limiting quantize blocks per SM at 512 to 1024 tokens, as did tiles that leave no registers.
  row.fills_sm = row.blocks_per_sm == 1 && (!kTileRow.leaves_registers(2) || row.cluster_m > 1);
  set_cost(row, kTileRow.swap_ab ? kWgmmaSwapAbCost : kWgmmaCost, wgmma_operand_clocks(kTileRow));
  if constexpr (is_compiled(KernelFamily::Sm90a)) row.launch = &kernels::launch_wgmma_gemm<kTile>;
  return row;
}

template <int... kDp4a, int... kMmaSync, int... kMmaSyncTma, int... kWgmma>
constexpr auto gemm_rows(std::integer_sequence<int, kDp4a...>,
                         std::integer_sequence<int, kMmaSync...>,
                         std::integer_sequence<int, kMmaSyncTma...>,
                         std::integer_sequence<int, kWgmma...>) {
  return std::array{dp4a_row<kDp4a>()..., mma_sync_row<kMmaSync>()...,
                    mma_sync_tma_row<kMmaSyncTma>()..., wgmma_row<kWgmma>()...};
}

/// Numbers the rows of `kTiles`.
template <const auto& kTiles>
using TileIndices = std::make_integer_sequence<int, static_cast<int>(kTiles.size())>;

constexpr auto kGemmRows =
    gemm_rows(TileIndices<kernels::kDp4aTiles>{}, TileIndices<kernels::kMmaSyncTiles>{},
              TileIndices<kernels::kMmaSyncTmaTiles>{}, TileIndices<kernels::kWgmmaTiles>{});

/// Returns whether `text` ends in the numbers `extents`, with `x` between them and `_` before.
constexpr bool ends_in(std::string_view text, std::initializer_list<int> extents) {
  for (auto extent = std::rbegin(extents); extent != std::rend(extents); ++extent) {
    for (int number = *extent; number > 0; number /= 10) {
      if (text.empty() || text.back() != '0' + number % 10) return false;
      text.remove_suffix(1);
    }
    const char before = std::next(extent) == std::rend(extents) ? '_' : 'x';
    if (text.empty() || text.back() != before) return false;
    text.remove_suffix(1);
  }
  return true;
}

/// Returns whether the name of `row` says its tile, which users read off it: M x N, or M x N x K
/// where a family has several K.
constexpr bool name_says_tile(const GemmKernel& row) {
  constexpr std::string_view kAny = "_any";
  std::string_view name = row.name;
  if (name.ends_with(kAny)) name.remove_suffix(kAny.size());
  return ends_in(name, {row.tile_m, row.tile_n}) ||
         ends_in(name, {row.tile_m, row.tile_n, row.tile_k});
}

constexpr bool names_say_tiles() { return std::ranges::all_of(kGemmRows, &name_says_tile); }
static_assert(names_say_tiles(), "the name of a row in a tiles.hpp says another tile");

constexpr bool names_differ() {
  return std::ranges::all_of(kGemmRows, [](const GemmKernel& row) {
    return std::ranges::count(kGemmRows, std::string_view(row.name), &GemmKernel::name) == 1;
  });
}
static_assert(names_differ(), "two rows of the tile tables have one name");

constexpr bool tile_costs_have_kernels() {
  return std::ranges::all_of(kTileCosts, [](const TileCost& tile) {
    return std::ranges::any_of(kGemmRows,
                               [&](const GemmKernel& row) { return tile.kernel == row.name; });
  });
}
static_assert(tile_costs_have_kernels(), "a row of cost_parameters.inc names no kernel");

/// Returns the rows of `kRows` that this build compiles.
template <const auto& kRows>
constexpr auto compiled_rows() {
  constexpr auto kIsCompiled = [](const auto& row) { return is_compiled(row.family); };
  constexpr auto kCount = std::count_if(kRows.begin(), kRows.end(), kIsCompiled);
  std::array<typename std::decay_t<decltype(kRows)>::value_type, kCount> rows{};
  std::copy_if(kRows.begin(), kRows.end(), rows.begin(), kIsCompiled);
  return rows;
}

constexpr auto kQuantizeKernels = compiled_rows<kQuantizeRows>();
constexpr auto kGemmKernels = compiled_rows<kGemmRows>();

template <class Kernel>
const Kernel* find(std::span<const Kernel> kernels, std::string_view name) {
  for (const Kernel& kernel : kernels) {
    if (name == kernel.name) return &kernel;
  }
  return nullptr;
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
  sku.compiled_for = compiled_for(kernel.family);
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
  sku.compiled_for = compiled_for(kernel.family);
  sku.backend = kernel.backend;
  sku.precision_guarantee = guarantee(element);
  return sku;
}

}  // namespace qlinear::detail

namespace qlinear {

KernelList registered_kernels() noexcept {
  static const auto skus = [] {
    const auto sku = [](const auto& kernel) {
      return detail::make_sku(kernel, ElementKind::F32, ElementKind::S8);
    };
    std::array<KernelSku, detail::kQuantizeKernels.size() + detail::kGemmKernels.size()> all;
    std::ranges::transform(detail::gemm_kernels(),
                           std::ranges::transform(detail::quantize_kernels(), all.begin(), sku).out,
                           sku);
    return all;
  }();
  return {skus.data(), skus.size()};
}

bool supports(const KernelSku& sku, ElementKind element, ElementKind weight_element) noexcept {
  if (sku.category == KernelCategory::Quantize) {
    const detail::QuantizeKernel* kernel = detail::find_quantize_kernel(sku.name);
    return kernel != nullptr && weight_element == ElementKind::S8 &&
           kernels::kEveryPair.contains_activation(element) && kernel->max_k(element) >= 0;
  }
  const detail::GemmKernel* kernel = detail::find_gemm_kernel(sku.name);
  return kernel != nullptr && kernel->types.contains(element, weight_element);
}

}  // namespace qlinear
