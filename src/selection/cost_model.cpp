#include <selection/cost_model.hpp>

#include <gemm/split_k.hpp>
#include <gemm/tile_tokens.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace qlinear::detail {
namespace {

// The model takes a GEMM to be about as slow as its busiest resource: the tensor cores, the latency
// of the stages in flight, the L2, memory, the path from memory to one SM, or power. These
// constants and the costs in the kernel table were fitted to times of every kernel and split on an
// H200 and an H100: whole linear layers of the benchmark's eight shapes, and smaller ones over M.
constexpr double kMemoryShare = 0.917;  // The share of its nominal rate that memory delivers.
constexpr double kStreamBytesPerClock = 33.0;  // One SM receives no more from memory.
constexpr double kStartClocks = 3080.0;        // A launch costs every kernel the same.
constexpr double kDefaultMemoryBytesPerClock = 2000.0;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Returns the blocks that an SM holds at once. Registers set the limit, and shared memory may
/// lower it.
std::int64_t resident_blocks(const GemmKernel& kernel, const DeviceInfo& device) {
  const auto fit = static_cast<std::int64_t>(device.shared_bytes_per_multiprocessor /
                                             (kernel.shared_bytes + kReservedSharedBytes));
  return std::clamp<std::int64_t>(fit, 1, kernel.blocks_per_multiprocessor);
}

/// Describes how a problem divides into blocks, and blocks into waves.
struct Work {
  double weight_rows;  ///< Weight rows that a tile computes.
  double tiles_m;
  double tiles_n;
  double waves;       ///< Waves: blocks that one of an SM's residency slots runs one after another.
  double turns;       ///< Blocks that the busiest SM runs in all.
  double wave_steps;  ///< Stages of K in `waves`: k-steps on the critical path.
  double turn_steps;  ///< Stages of K in `turns`.
  double unevenness;  ///< Work of the busiest SM, as a multiple of the average.
  /// Each SM holds at most one block where two would fit, so half of the shared memory holds no
  /// stages.
  bool half_used;
  bool crowded;  ///< There are few tokens, and fewer idle SMs than tokens.
};

Work divide(const GemmKernel& kernel, const DeviceInfo& device,
            const QuantizedLinearDescriptor& problem, int split_k) {
  const std::int64_t multiprocessors = std::max(1, device.multiprocessors);
  const std::int64_t resident = resident_blocks(kernel, device);
  const std::int64_t slots = blocks_at_once(kernel, device, split_k);
  const std::int64_t tiles_m =
      divide_up(divide_up(std::max<std::int64_t>(1, problem.m), kernel.tile_m), kernel.sharers) *
      kernel.sharers;
  const int weight_rows = weight_rows_of_tile(kernel, device, problem, split_k);
  const std::int64_t tiles_n = divide_up(std::max<std::int64_t>(1, problem.c_out), weight_rows);
  const std::int64_t split =
      split_k == 1 ? 0 : std::min(tiles_m * tiles_n, split_tiles(kernel, device, problem, split_k));
  const std::int64_t whole = tiles_m * tiles_n - split;
  const std::int64_t blocks = whole + split * split_k;
  const std::int64_t steps = divide_up(problem.k, kernel.tile_k);
  const std::int64_t slice_steps = divide_up(steps, split_k);
  Work work{};
  work.weight_rows = weight_rows;
  work.tiles_m = static_cast<double>(tiles_m);
  work.tiles_n = static_cast<double>(tiles_n);
  const auto add_blocks = [&](std::int64_t count, std::int64_t block_steps) {
    const std::int64_t full_waves = count / slots;
    const std::int64_t rest = count - full_waves * slots;
    const auto waves = static_cast<double>(full_waves + (rest > 0 ? 1 : 0));
    const auto turns = static_cast<double>(full_waves * resident +
                                           std::min(resident, divide_up(rest, multiprocessors)));
    work.waves += waves;
    work.turns += turns;
    work.wave_steps += waves * static_cast<double>(block_steps);
    work.turn_steps += turns * static_cast<double>(block_steps);
  };
  add_blocks(whole, steps);
  add_blocks(split * split_k, slice_steps);
  const auto all_steps = static_cast<double>(whole * steps + split * split_k * slice_steps);
  work.unevenness = blocks > multiprocessors && all_steps > 0
                        ? work.turn_steps * static_cast<double>(multiprocessors) / all_steps
                        : 1;
  work.half_used = resident > 1 && blocks <= multiprocessors && blocks > multiprocessors / 2;
  // The quantize kernel of few tokens runs a block for each. Where the GEMM leaves that many SMs
  // idle, 4096 x 4096 with 8 and 16 tokens and 4096 x 14336 with 16 took 4 to 9 % less on an H200.
  // The cause was not traced.
  constexpr std::int64_t kFewTokens = 32;
  work.crowded = problem.m <= kFewTokens && blocks + problem.m > multiprocessors;
  return work;
}

/// Two blocks on one SM hide each other's waits.
double tensor_clocks(const GemmKernel& kernel, const Work& work) {
  return kernel.cost.stage_clocks *
         std::max(work.turn_steps, work.wave_steps * kernel.cost.lone_factor);
}

/// A block receives a whole pipeline of stages in one memory latency, however few other blocks run.
double ring_clocks(const GemmKernel& kernel, const Work& work) {
  const double stage_bytes = (kernel.tile_m + work.weight_rows) * kernel.tile_k;
  const double rings = work.wave_steps * stage_bytes / static_cast<double>(kernel.ring_bytes);
  return std::max(kernel.cost.least_rings, rings) * kernel.cost.latency_clocks;
}

/// Tiles that are neighbours along M share one read of their weights from memory. Where few blocks
/// do all the work, none receives weights faster than this.
double stream_clocks(const GemmKernel& kernel, const Work& work) {
  const double stage_bytes = work.weight_rows * kernel.tile_k;
  return work.turn_steps * stage_bytes / (kStreamBytesPerClock * work.tiles_m);
}

/// Returns the bytes that an average SM reads from the L2: each tile reads its own weights and
/// tokens.
double l2_bytes(const GemmKernel& kernel, const DeviceInfo& device,
                const QuantizedLinearDescriptor& problem, const Work& work) {
  const double weight_rows = work.tiles_m * work.tiles_n * work.weight_rows / kernel.sharers;
  const double token_rows = work.tiles_n * static_cast<double>(problem.m);
  return (weight_rows + token_rows) * static_cast<double>(problem.k) /
         std::max(1, device.multiprocessors);
}

/// A GPU at its power limit lowers its clocks until the energy of the work fits.
double power_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                    const QuantizedLinearDescriptor& problem, double bytes_from_l2) {
  constexpr double kMacsPerClock = 4096;
  if (problem.m < kPowerBoundTokens) return 0;
  const double macs = static_cast<double>(problem.m) * static_cast<double>(problem.c_out) *
                      static_cast<double>(problem.k) / std::max(1, device.multiprocessors);
  return kernel.cost.product_energy * macs / kMacsPerClock +
         kernel.cost.l2_byte_energy * bytes_from_l2;
}

/// Weights and tokens come from memory once. Tiles that share weights run at about the same time
/// and find them in the L2; but blocks drift apart, clusters most of all, and read part of the
/// weights again.
double memory_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                     const QuantizedLinearDescriptor& problem, const Work& work, int split_k) {
  constexpr double kUnsplitReread = 0.068;
  const double nominal = device.memory_bytes_per_clock > 0 ? device.memory_bytes_per_clock
                                                           : kDefaultMemoryBytesPerClock;
  const double reread =
      (split_k > 1 ? kernel.cost.split_reread : kUnsplitReread) * (1 - 1 / work.tiles_m);
  const double rows =
      static_cast<double>(problem.m) + static_cast<double>(problem.c_out) * (1 + reread);
  return rows * static_cast<double>(problem.k) / (kMemoryShare * nominal) *
         (1 + kernel.cost.uneven_share * (work.unevenness - 1)) *
         (work.half_used ? kernel.cost.half_used_factor : 1);
}

/// Combines resources by the fourth root of the sum of fourth powers: the busiest one's clocks, and
/// more the closer the others come to it.
double clocks_together(const std::array<double, 6>& resources) {
  double sum = 0;
  for (const double clocks : resources) sum += clocks * clocks * (clocks * clocks);
  return std::sqrt(std::sqrt(sum));
}

}  // namespace

std::int64_t blocks_at_once(const GemmKernel& kernel, const DeviceInfo& device, int split_k) {
  const std::int64_t resident = resident_blocks(kernel, device);
  const std::int64_t blocks = std::max(1, device.multiprocessors) * resident;
  if (kernel.split != SplitK::Cluster || split_k == 1) return blocks;
  const auto& by_residents = device.clusters_at_once;
  const auto row = std::min(static_cast<std::size_t>(resident), by_residents.size()) - 1;
  const std::int64_t clusters = by_residents[row][static_cast<std::size_t>(split_k)];
  return (clusters > 0 ? clusters : std::max<std::int64_t>(1, blocks / split_k)) * split_k;
}

int weight_rows_of_tile(const GemmKernel& kernel, const DeviceInfo& device,
                        const QuantizedLinearDescriptor& problem, int split_k) {
  if (!kernel.spreads_weight_rows) return kernel.tile_n;
  const std::int64_t blocks =
      std::int64_t{std::max(1, device.multiprocessors)} * kernel.blocks_per_multiprocessor;
  return kernels::tile_weight_rows(problem.m, problem.c_out, kernel.tile_m, kernel.tile_n, blocks,
                                   split_k);
}

std::int64_t split_tiles(const GemmKernel& kernel, const DeviceInfo& device,
                         const QuantizedLinearDescriptor& problem, int split_k) {
  const std::int64_t tiles = kernels::tile_count(
      std::max<std::int64_t>(1, problem.m), std::max<std::int64_t>(1, problem.c_out), kernel.tile_m,
      weight_rows_of_tile(kernel, device, problem, split_k));
  if (kernel.split != SplitK::Workspace) return tiles;
  const std::int64_t rest = tiles % blocks_at_once(kernel, device, split_k);
  return rest > 0 ? rest : tiles;
}

bool split_fills_one_wave(const GemmKernel& kernel, const DeviceInfo& device,
                          const QuantizedLinearDescriptor& problem, int split_k) {
  return split_tiles(kernel, device, problem, split_k) * split_k <=
         blocks_at_once(kernel, device, split_k);
}

double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, int split_k) {
  const Work work = divide(kernel, device, problem, split_k);
  const double bytes_from_l2 = l2_bytes(kernel, device, problem, work);
  const double loop =
      clocks_together({tensor_clocks(kernel, work), ring_clocks(kernel, work),
                       stream_clocks(kernel, work), bytes_from_l2 / kernel.cost.l2_bytes_per_clock,
                       memory_clocks(kernel, device, problem, work, split_k),
                       power_clocks(kernel, device, problem, bytes_from_l2)});
  const double tile = kernel.tile_m * work.weight_rows;
  const double clocks = kStartClocks + loop + work.waves * kernel.cost.wave_clocks +
                        work.turns * tile * kernel.cost.store_clocks +
                        (work.crowded ? kernel.cost.crowded_clocks : 0) + kernel.cost.full_clocks;
  if (split_k == 1) return clocks;
  return clocks + kernel.cost.split_clocks + (split_k > 2 ? kernel.cost.wide_split_clocks : 0) +
         kernel.cost.split_sum_clocks * tile * (split_k - 1);
}

}  // namespace qlinear::detail
