#include <selection/launch_policy.hpp>

#include <gemm/split_k.hpp>
#include <selection/cost_parameters.hpp>
#include <selection/quantize_selection.hpp>

#include <algorithm>
#include <cstdint>

namespace qlinear::detail {
namespace {

/// Returns how many bytes of weights memory can deliver while it would idle between two layers,
/// see LaunchParameters. Activation loads queue behind prefetched weights, so more tokens get
/// less: with 256 a long layer lost more than it gained. Small weights get a fifth of their size,
/// since 4096 x 4096 lost 10 % and more by the amount that suits large ones.
std::int64_t bytes_to_prefetch(const DeviceInfo& device, const QuantizedLinearDescriptor& problem) {
  if (problem.m == 0 || problem.m > 128) return 0;
  const double idle_clocks = problem.m <= 16   ? kLaunch.idle_clocks_16
                             : problem.m <= 64 ? kLaunch.idle_clocks_64
                                               : kLaunch.idle_clocks_128;
  return std::min(static_cast<std::int64_t>(idle_clocks * device.memory_bytes_per_clock),
                  problem.c_out * problem.k / kLaunch.prefetch_divisor);
}

/// Prefetches what the first tiles of `candidate` read first of their weights: up to 14 % of a
/// layer's time on an H100.
void choose_prefetch(const Candidate& candidate, const DeviceInfo& device,
                     const QuantizedLinearDescriptor& problem, GemmChoice& choice) {
  constexpr std::int64_t kLine = kernels::kCacheLineBytes;
  const auto& [kernel, tiling, clocks] = candidate;
  if (kernel->backend != KernelBackend::Wgmma) return;
  const std::int64_t bytes = bytes_to_prefetch(device, problem);
  if (bytes == 0) return;
  const std::int64_t blocks_of_row =
      tiling.split_k * kernels::tile_count(problem.m, 1, kernel->tile_m, 1);
  const std::int64_t tiles = std::max<std::int64_t>(1, tiling.blocks_at_once / blocks_of_row);
  const std::int64_t rows = std::min(problem.c_out, tiles * tiling.weight_rows);
  const std::int64_t pieces = rows * tiling.split_k;
  const std::int64_t lines = std::max<std::int64_t>(1, bytes / (pieces * kLine));
  choice.prefetched_rows = rows;
  choice.prefetched_bytes = std::min(lines, problem.k / tiling.split_k / kLine) * kLine;
}

/// Returns whether the GEMM's blocks should launch early (PDL). Blocks that start as quantize
/// blocks exit land scattered over the GPU; a plain launch places neighbours together, which share
/// more of the L2. From about 300 us of GEMM on the plain launch wins: by up to 10 % of a layer on
/// an H100 and 5 % on an H200, both at their power limit.
bool early_places_pay(const Candidate& candidate) {
  return candidate.clocks < kLaunch.long_gemm_clocks;
}

/// Returns whether quantize blocks should be limited per SM. After a GEMM like `kernel` of the
/// previous layer they would pile up on the SMs that it leaves first, which costs up to 3 us of a
/// layer of 512 tokens on an H200. With fewer tokens the limit gave nothing, and where quantize
/// blocks fit beside the GEMM's it costs their early start.
bool rows_would_pile_up(const GemmKernel& kernel, const QuantizedLinearDescriptor& problem) {
  constexpr std::int64_t kFewTokens = 256;
  return kernel.fills_sm && problem.m > kFewTokens;
}

}  // namespace

GemmChoice with_launch_policy(const Candidate& candidate, const DeviceInfo& device,
                              const QuantizedLinearDescriptor& problem, bool prefetches) {
  GemmChoice choice;
  if (candidate.kernel == nullptr) return choice;
  const auto& [kernel, tiling, clocks] = candidate;
  choice.kernel = kernel;
  choice.split_k = tiling.split_k;
  choice.split_tiles = tiling.workspace_bytes > 0 ? tiling.split_tiles : 0;
  choice.workspace_bytes = tiling.workspace_bytes;
  if (prefetches) choose_prefetch(candidate, device, problem, choice);
  choice.launches_early = early_places_pay(candidate);
  choice.programmatic_dependent_launch = device.programmatic_families.contains(kernel->family);
  choice.limits_blocks_per_sm = rows_would_pile_up(*kernel, problem);
  return choice;
}

/// On an H200 it gained 3 to 10 % before weights were prefetched, where the grid fills the SMs
/// after a short quantize kernel. Blocks of a smaller grid pile up on the SMs that the previous
/// layer leaves idle, or wait for one.
bool early_start_pays(const Candidate& candidate, const QuantizedLinearDescriptor& problem) {
  constexpr std::int64_t kFewTokens = 64;
  if (candidate.kernel == nullptr) return false;
  if (problem.m == 0 || problem.m > kFewTokens || problem.k > kLongRow) return false;
  const Tiling& tiling = candidate.tiling;
  return tiling.output_tiles * tiling.split_k * 10 >= tiling.blocks_at_once * 9;
}

}  // namespace qlinear::detail
