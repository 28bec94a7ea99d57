#include <cost_model.hpp>

#include <split_k.hpp>

#include <algorithm>
#include <cmath>

namespace qlinear::detail {
namespace {

// Fitted to the times of every kernel and split on an H200, whole linear layers of 4096 x 4096 and
// 6144 x 4096 weights over M, so that the choice is near the best rather than each time exact.
constexpr double kL2BytesPerClock = 62.0;        // What a multiprocessor gets from the L2.
constexpr double kMemoryShare = 0.61;            // Of the memory's nominal rate.
constexpr double kMemoryLatencyClocks = 7800.0;  // Bytes in flight / rate.
constexpr double kSumClocks = 0.47;              // Of an output element in the epilogue.
constexpr double kLaunchClocks = 830.0;
constexpr double kDefaultMemoryBytesPerClock = 2000.0;

double divide_up(double a, double b) { return std::ceil(a / b); }

/// Clocks until the operands have come from memory with `blocks` rings in flight.
double memory_clocks(const GemmKernel& kernel, const DeviceInfo& device, double bytes,
                     double blocks) {
  const double nominal = device.memory_bytes_per_clock > 0 ? device.memory_bytes_per_clock
                                                           : kDefaultMemoryBytesPerClock;
  const double in_flight = blocks * static_cast<double>(kernel.ring_bytes);
  return bytes / std::min(kMemoryShare * nominal, in_flight / kMemoryLatencyClocks);
}

}  // namespace

std::size_t split_workspace_bytes(const GemmKernel& kernel,
                                  const QuantizedLinearDescriptor& problem, int split_k) {
  if (kernel.split != SplitK::Workspace) return 0;
  return kernels::split_workspace_bytes(problem.m, problem.c_out, kernel.tile_m, kernel.tile_n,
                                        split_k);
}

double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, int split_k) {
  const auto m = static_cast<double>(std::max<std::int64_t>(1, problem.m));
  const auto n = static_cast<double>(std::max<std::int64_t>(1, problem.c_out));
  const auto k = static_cast<double>(problem.k);
  const double blocks = divide_up(m, kernel.tile_m) * divide_up(n, kernel.tile_n) * split_k;
  const double multiprocessors = std::max(1, device.multiprocessors);
  const double slots = multiprocessors * kernel.blocks_per_multiprocessor;
  const double waves = divide_up(blocks, slots);
  const double sharers =
      std::min<double>(kernel.blocks_per_multiprocessor, divide_up(blocks, multiprocessors));

  const double steps = divide_up(divide_up(k, kernel.tile_k), split_k);
  const double math =
      static_cast<double>(kernel.tile_m) * kernel.tile_n / kernel.cost.macs_per_clock;
  const double traffic = (kernel.tile_m + kernel.tile_n) / kL2BytesPerClock;
  const double step_clocks = std::max(math, traffic) * kernel.tile_k * sharers;
  const double sums = static_cast<double>(kernel.tile_m) * kernel.tile_n;
  const double block_clocks = kernel.cost.block_clocks + kSumClocks * sums * sharers;
  const double math_clocks = waves * (steps * step_clocks + block_clocks);

  const double bytes = n * k + m * k;
  const double streamed =
      memory_clocks(kernel, device, bytes, std::min(blocks, slots)) + block_clocks;
  double clocks = std::max(math_clocks, streamed) + kLaunchClocks;
  if (split_k > 1) {
    clocks += kernel.cost.split_clocks + kernel.cost.split_sum_clocks * sums * split_k;
  }
  return clocks;
}

}  // namespace qlinear::detail
