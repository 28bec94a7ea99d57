#include <selection/tiling.hpp>

#include <common/gated_rows.hpp>
#include <gemm/split_k.hpp>
#include <gemm/tile_tokens.hpp>

#include <algorithm>

namespace qlinear::detail {

namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Returns the blocks that an SM holds at once. Registers set the limit, and shared memory may
/// lower it.
std::int64_t resident_blocks(const GemmKernel& kernel, const DeviceInfo& device) {
  const auto fit = static_cast<std::int64_t>(device.shared_bytes_per_sm /
                                             (kernel.shared_bytes + kReservedSharedBytes));
  return std::clamp<std::int64_t>(fit, 1, kernel.blocks_per_sm);
}

/// Returns the blocks that the GPU runs at once. The slices of a cluster start together, and fewer
/// clusters may run at once than SMs have room for.
std::int64_t blocks_at_once(const GemmKernel& kernel, const DeviceInfo& device, int split_k,
                            std::int64_t resident) {
  const std::int64_t blocks = device.num_sms * resident;
  if (kernel.split != SplitK::Cluster || split_k == 1) return blocks;
  const auto& by_residents = device.clusters_at_once;
  const auto row = std::min(static_cast<std::size_t>(resident), by_residents.size()) - 1;
  const std::int64_t clusters = by_residents[row][static_cast<std::size_t>(split_k)];
  return (clusters > 0 ? clusters : std::max<std::int64_t>(1, blocks / split_k)) * split_k;
}

int weight_rows_of_tile(const GemmKernel& kernel, const DeviceInfo& device,
                        const QuantizedLinearDescriptor& problem, int split_k) {
  if (!kernel.spreads_weight_rows) return kernel.tile_n;
  const std::int64_t blocks = std::int64_t{device.num_sms} * kernel.blocks_per_sm;
  const int group = problem.epilogue.gated ? 2 * kernels::kGatedBlock : 8;
  return kernels::tile_weight_rows(problem.m, gemm_n(problem), kernel.tile_m, kernel.tile_n, blocks,
                                   split_k, group);
}

/// Returns how many of `tiles` split K. A cluster splits all tiles; a workspace only those of the
/// last, partial wave, or all if no wave is partial.
std::int64_t split_tiles(const GemmKernel& kernel, std::int64_t tiles,
                         std::int64_t blocks_at_once) {
  if (kernel.split != SplitK::Workspace) return tiles;
  const std::int64_t rest = tiles % blocks_at_once;
  return rest > 0 ? rest : tiles;
}

/// Adds the waves of `blocks` that take `steps` k-steps each.
void add_waves(Tiling& tiling, const DeviceInfo& device, std::int64_t blocks, std::int64_t steps) {
  if (blocks == 0) return;
  const std::int64_t full_waves = blocks / tiling.blocks_at_once;
  const std::int64_t rest = blocks - full_waves * tiling.blocks_at_once;
  const std::int64_t waves = full_waves + (rest > 0 ? 1 : 0);
  const std::int64_t blocks_per_sm =
      full_waves * tiling.resident_blocks +
      std::min(tiling.resident_blocks, divide_up(rest, device.num_sms));
  tiling.waves += waves;
  tiling.blocks_per_sm += blocks_per_sm;
  tiling.wave_k_steps += waves * steps;
  tiling.sm_k_steps += blocks_per_sm * steps;
  tiling.blocks += blocks;
  tiling.k_steps += blocks * steps;
}

}  // namespace

std::int64_t gemm_n(const QuantizedLinearDescriptor& problem) {
  return problem.epilogue.gated ? kernels::interleaved_rows(problem.c_out / 2) : problem.c_out;
}

Tiling tiling(const GemmKernel& kernel, const DeviceInfo& device,
              const QuantizedLinearDescriptor& problem, int split_k) {
  Tiling tiling;
  tiling.split_k = split_k;
  tiling.weight_rows = weight_rows_of_tile(kernel, device, problem, split_k);
  tiling.resident_blocks = resident_blocks(kernel, device);
  tiling.blocks_at_once = blocks_at_once(kernel, device, split_k, tiling.resident_blocks);
  const std::int64_t tiles_m = divide_up(std::max<std::int64_t>(1, problem.m), kernel.tile_m);
  tiling.tiles_m = divide_up(tiles_m, kernel.cluster_m) * kernel.cluster_m;
  tiling.tiles_n = divide_up(std::max<std::int64_t>(1, gemm_n(problem)), tiling.weight_rows);
  tiling.output_tiles = tiles_m * tiling.tiles_n;
  const std::int64_t steps = divide_up(problem.k, kernel.tile_k);
  if (split_k > 1) {
    tiling.split_tiles = split_tiles(kernel, tiling.output_tiles, tiling.blocks_at_once);
    if (kernel.split == SplitK::Workspace) {
      tiling.workspace_bytes =
          kernels::split_workspace_bytes(tiling.split_tiles, split_k, kernel.tile_m, kernel.tile_n);
    }
  }
  add_waves(tiling, device, tiling.tiles_m * tiling.tiles_n - tiling.split_tiles, steps);
  add_waves(tiling, device, tiling.split_tiles * split_k, divide_up(steps, split_k));
  return tiling;
}

}  // namespace qlinear::detail
