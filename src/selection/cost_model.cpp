#include <selection/cost_model.hpp>

#include <selection/cost_parameters.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace qlinear::detail {
namespace {

// The model takes a GEMM to be about as slow as its busiest resource: the tensor cores, the latency
// of the stages in flight, the L2, memory, the path from memory to one SM, or power.
// benchmarks/tuning/fit_cost_model.py computes the same to fit the parameters: a change of a
// formula is one of it, too, and benchmark.cost_model fails where they differ.

/// Two blocks on one SM hide each other's waits.
double tensor_clocks(const GemmKernel& kernel, const Tiling& tiling) {
  const double lone_factor = kernel.blocks_per_sm > 1 ? kernel.cost->lone_factor : 1;
  return kernel.stage_clocks * std::max(static_cast<double>(tiling.sm_k_steps),
                                        static_cast<double>(tiling.wave_k_steps) * lone_factor);
}

/// A block receives a whole pipeline of stages in one memory latency, however few other blocks run.
double latency_clocks(const GemmKernel& kernel, const Tiling& tiling) {
  const double stage_bytes = (kernel.tile_m + tiling.weight_rows) * kernel.tile_k;
  const double pipelines = static_cast<double>(tiling.wave_k_steps) * stage_bytes /
                           static_cast<double>(kernel.pipeline_bytes);
  return std::max(kernel.cost->least_pipelines, pipelines) * kernel.cost->latency_clocks;
}

/// Tiles that are neighbours along M share one read of their weights from memory. Where few blocks
/// do all the work, none receives weights faster than this.
double stream_clocks(const GemmKernel& kernel, const DeviceInfo& device, const Tiling& tiling) {
  const double stage_bytes = tiling.weight_rows * kernel.tile_k;
  return static_cast<double>(tiling.sm_k_steps) * stage_bytes /
         (gpu_parameters(device).stream_bytes_per_clock * static_cast<double>(tiling.tiles_m));
}

/// Returns the bytes that an average SM reads from the L2: each tile reads its own weights and
/// tokens.
double l2_bytes(const GemmKernel& kernel, const DeviceInfo& device,
                const QuantizedLinearDescriptor& problem, const Tiling& tiling) {
  const auto tiles_n = static_cast<double>(tiling.tiles_n);
  const double weight_rows =
      static_cast<double>(tiling.tiles_m) * tiles_n * tiling.weight_rows / kernel.cluster_m;
  const double token_rows = tiles_n * static_cast<double>(problem.m);
  return (weight_rows + token_rows) * static_cast<double>(problem.k) /
         static_cast<double>(device.num_sms);
}

/// A GPU at its power limit lowers its clocks until the energy of the work fits.
double power_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                    const QuantizedLinearDescriptor& problem, double bytes_from_l2) {
  constexpr double kMacsPerClock = 4096;
  if (problem.m < kPowerBoundTokens) return 0;
  const double macs = static_cast<double>(problem.m) * static_cast<double>(problem.c_out) *
                      static_cast<double>(problem.k) / static_cast<double>(device.num_sms);
  return kernel.cost->product_energy * macs / kMacsPerClock +
         kernel.cost->l2_byte_energy * bytes_from_l2;
}

/// Returns the work of the busiest SM as a multiple of the average.
double unevenness(const DeviceInfo& device, const Tiling& tiling) {
  if (tiling.blocks <= device.num_sms || tiling.k_steps == 0) return 1;
  return static_cast<double>(tiling.sm_k_steps) * static_cast<double>(device.num_sms) /
         static_cast<double>(tiling.k_steps);
}

/// Returns whether each SM holds at most one block where two would fit, so that half of the shared
/// memory holds no stages.
bool is_half_used(const DeviceInfo& device, const Tiling& tiling) {
  return tiling.resident_blocks > 1 && tiling.blocks <= device.num_sms &&
         tiling.blocks > device.num_sms / 2;
}

/// Weights and tokens come from memory once. Tiles that share weights run at about the same time
/// and find them in the L2; but blocks drift apart, clusters most of all, and read part of the
/// weights again.
double memory_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                     const QuantizedLinearDescriptor& problem, const Tiling& tiling) {
  const FamilyCost& cost = *kernel.cost;
  const GpuParameters& gpu = gpu_parameters(device);
  const double nominal = device.memory_bytes_per_clock > 0 ? device.memory_bytes_per_clock
                                                           : gpu.memory_bytes_per_clock;
  const double reread = (tiling.split_k > 1 ? cost.split_reread : gpu.unsplit_reread) *
                        (1 - 1 / static_cast<double>(tiling.tiles_m));
  const double uneven_share =
      kernel.blocks_per_sm == 1 ? cost.uneven_share_of_one_block : cost.uneven_share_of_two_blocks;
  const double rows =
      static_cast<double>(problem.m) + static_cast<double>(problem.c_out) * (1 + reread);
  return rows * static_cast<double>(problem.k) / (gpu.memory_share * nominal) *
         (1 + uneven_share * (unevenness(device, tiling) - 1)) *
         (is_half_used(device, tiling) ? cost.half_used_factor : 1);
}

/// The quantize kernel of few tokens runs a block for each. Where the GEMM leaves that many SMs
/// idle, 4096 x 4096 with 8 and 16 tokens and 4096 x 14336 with 16 took 4 to 9 % less on an H200.
/// The cause was not traced.
bool leaves_few_sms_idle(const DeviceInfo& device, const QuantizedLinearDescriptor& problem,
                         const Tiling& tiling) {
  constexpr std::int64_t kFewTokens = 32;
  return problem.m <= kFewTokens && tiling.blocks + problem.m > device.num_sms;
}

/// Combines resources by the fourth root of the sum of fourth powers: the busiest one's clocks, and
/// more the closer the others come to it.
double clocks_together(const std::array<double, 6>& resources) {
  double sum = 0;
  for (const double clocks : resources) sum += clocks * clocks * (clocks * clocks);
  return std::sqrt(std::sqrt(sum));
}

/// Returns what combining the slices of K adds.
double split_clocks(const FamilyCost& cost, double tile, int split_k) {
  if (split_k == 1) return 0;
  return cost.split_clocks + (split_k > 2 ? cost.wide_split_clocks : 0) +
         cost.split_sum_clocks * tile * (split_k - 1);
}

}  // namespace

double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, const Tiling& tiling) {
  const FamilyCost& cost = *kernel.cost;
  const double bytes_from_l2 = l2_bytes(kernel, device, problem, tiling);
  const double loop = clocks_together(
      {tensor_clocks(kernel, tiling), latency_clocks(kernel, tiling),
       stream_clocks(kernel, device, tiling), bytes_from_l2 / cost.l2_bytes_per_clock,
       memory_clocks(kernel, device, problem, tiling),
       power_clocks(kernel, device, problem, bytes_from_l2)});
  const double tile = kernel.tile_m * tiling.weight_rows;
  const bool few_idle = leaves_few_sms_idle(device, problem, tiling);
  return gpu_parameters(device).launch_clocks + loop +
         static_cast<double>(tiling.waves) * cost.wave_clocks +
         static_cast<double>(tiling.blocks_per_sm) * tile * cost.store_clocks +
         (few_idle ? cost.few_idle_sms_clocks : 0) +
         (kernel.fills_sm ? cost.no_quantize_block_clocks : 0) +
         split_clocks(cost, tile, tiling.split_k);
}

}  // namespace qlinear::detail
