#include <cost_model.hpp>

#include <split_k.hpp>

#include <algorithm>
#include <cmath>

namespace qlinear::detail {
namespace {

// Per multiprocessor and clock; about what Ampere and Hopper sustain.
constexpr double kL2BytesPerClock = 40.0;
constexpr double kMemoryBytesPerClock = 16.0;
constexpr double kLaunchClocks = 3000.0;
constexpr double kTileClocks = 1500.0;   // Filling the pipeline and storing the tile.
constexpr double kSplitClocks = 2500.0;  // Partial sums through the L2 and the last block's sum.

double divide_up(double a, double b) { return std::ceil(a / b); }

}  // namespace

std::size_t split_workspace_bytes(const GemmKernel& kernel,
                                  const QuantizedLinearDescriptor& problem, int split_k) {
  return kernels::split_workspace_bytes(problem.m, problem.c_out, kernel.tile_m, kernel.tile_n,
                                        split_k);
}

double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, int split_k) {
  const auto m = static_cast<double>(problem.m);
  const auto n = static_cast<double>(problem.c_out);
  const double k = std::max(1.0, static_cast<double>(problem.k) / split_k);
  const double blocks = divide_up(m, kernel.tile_m) * divide_up(n, kernel.tile_n) * split_k;
  const double multiprocessors = device.multiprocessors;
  const double resident = kernel.blocks_per_multiprocessor;
  const double waves = divide_up(blocks, multiprocessors * resident);
  const double sharers = std::min(resident, divide_up(blocks, multiprocessors));
  const double steps = divide_up(k, kernel.tile_k) * kernel.tile_k;
  const double math = kernel.tile_m * kernel.tile_n * steps / kernel.macs_per_clock;
  const double traffic = (kernel.tile_m + kernel.tile_n) * steps / kL2BytesPerClock;
  const double tile_clocks = std::max(math, traffic) * sharers + kTileClocks;
  const double bytes = n * static_cast<double>(problem.k) + m * static_cast<double>(problem.k);
  const double memory = bytes / (kMemoryBytesPerClock * multiprocessors);
  return std::max(waves * tile_clocks, memory) + kLaunchClocks + (split_k > 1 ? kSplitClocks : 0);
}

}  // namespace qlinear::detail
