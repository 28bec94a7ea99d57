#include <cost_model.hpp>

#include <split_k.hpp>

#include <algorithm>

namespace qlinear::detail {
namespace {

// Fitted to the times of every kernel and split on an H200, whole linear layers of the benchmark's
// eight shapes over M, so that the choice is near the best rather than each time exact: over 96
// shapes the kernel chosen was 1.2 % slower than the best on average.
constexpr double kL2BytesPerClock = 51.7;        // What a multiprocessor gets from the L2.
constexpr double kMemoryShare = 0.92;            // Of the memory's nominal rate.
constexpr double kMemoryLatencyClocks = 5200.0;  // Bytes in flight / rate.
constexpr double kMemoryRampClocks = 6400.0;     // Until the memory streams at that rate.
constexpr double kDefaultMemoryBytesPerClock = 2000.0;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Clocks until the operands have come from memory with `blocks` rings in flight.
double memory_clocks(const GemmKernel& kernel, const DeviceInfo& device, double bytes,
                     double blocks) {
  const double nominal = device.memory_bytes_per_clock > 0 ? device.memory_bytes_per_clock
                                                           : kDefaultMemoryBytesPerClock;
  const double in_flight = blocks * static_cast<double>(kernel.ring_bytes);
  const double clocks = bytes / std::min(kMemoryShare * nominal, in_flight / kMemoryLatencyClocks);
  return std::max(clocks, kMemoryLatencyClocks);
}

/// Blocks that a multiprocessor holds at once: what the registers allow, if shared memory does,
/// too.
std::int64_t resident_blocks(const GemmKernel& kernel, const DeviceInfo& device) {
  const auto fit = static_cast<std::int64_t>(device.shared_bytes_per_multiprocessor /
                                             (kernel.shared_bytes + kReservedSharedBytes));
  return std::clamp<std::int64_t>(fit, 1, kernel.blocks_per_multiprocessor);
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

std::size_t split_workspace_bytes(const GemmKernel& kernel,
                                  const QuantizedLinearDescriptor& problem, int split_k) {
  if (kernel.split != SplitK::Workspace) return 0;
  return kernels::split_workspace_bytes(problem.m, problem.c_out, kernel.tile_m, kernel.tile_n,
                                        split_k);
}

double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, int split_k) {
  const std::int64_t m = std::max<std::int64_t>(1, problem.m);
  const std::int64_t n = std::max<std::int64_t>(1, problem.c_out);
  const std::int64_t blocks = kernels::tile_count(m, n, kernel.tile_m, kernel.tile_n) * split_k;
  const std::int64_t multiprocessors = std::max(1, device.multiprocessors);
  const std::int64_t resident = resident_blocks(kernel, device);
  const std::int64_t slots = blocks_at_once(kernel, device, split_k);
  const auto waves = static_cast<double>(divide_up(blocks, slots));
  const auto sharers = static_cast<double>(
      std::min<std::int64_t>(kernel.blocks_per_multiprocessor, divide_up(blocks, multiprocessors)));

  const auto steps = static_cast<double>(divide_up(divide_up(problem.k, kernel.tile_k), split_k));
  // Fewer blocks than the kernel is made for keep the tensor cores less busy.
  const double macs_per_clock =
      kernel.cost.macs_per_clock * static_cast<double>(resident) / kernel.blocks_per_multiprocessor;
  const double math = static_cast<double>(kernel.tile_m) * kernel.tile_n / macs_per_clock;
  const double traffic = (kernel.tile_m + kernel.tile_n) / kL2BytesPerClock;
  const double step_clocks = std::max(math, traffic) * kernel.tile_k * sharers;
  const double math_clocks = waves * (steps * step_clocks + kernel.cost.block_clocks);

  const double bytes = static_cast<double>(m + n) * static_cast<double>(problem.k);
  const double streamed_clocks =
      memory_clocks(kernel, device, bytes, static_cast<double>(std::min(blocks, slots)));
  const double streamed = streamed_clocks + kernel.cost.block_clocks + kMemoryRampClocks;
  // Where all of a problem is in flight at once, the memory is as quick for each kernel; ahead is
  // the one that wastes least arithmetic.
  constexpr double kTieBreak = 0.02;
  const double tie_break = streamed_clocks > kMemoryLatencyClocks ? 0 : kTieBreak * math_clocks;
  const double clocks = std::max(math_clocks, streamed) + tie_break;
  if (split_k == 1) return clocks;
  const double sums = static_cast<double>(kernel.tile_m) * kernel.tile_n * split_k;
  return clocks + kernel.cost.split_clocks + kernel.cost.split_sum_clocks * sums;
}

}  // namespace qlinear::detail
