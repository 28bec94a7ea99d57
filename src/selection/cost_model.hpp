#pragma once

#include <device/device_info.hpp>
#include <qlinear/problem.hpp>
#include <selection/kernel_table.hpp>

#include <cstdint>

namespace qlinear::detail {

/// From this many tokens on a layer may reach the GPU's power limit: rows of 128 tokens of the
/// benchmark drew at most 618 W on an H100 and 670 W on an H200, rows of 256 all of their 700 W.
inline constexpr std::int64_t kPowerBoundTokens = 256;

/// Returns how many blocks of `kernel` run at once if K is split into `split_k` slices.
std::int64_t blocks_at_once(const GemmKernel& kernel, const DeviceInfo& device, int split_k);

/// Returns the weight rows that a tile computes, at most the kernel's `tile_n`.
int weight_rows_of_tile(const GemmKernel& kernel, const DeviceInfo& device,
                        const QuantizedLinearDescriptor& problem, int split_k);

/// Returns how many tiles split K into `split_k` > 1 slices. A cluster splits all tiles; a
/// workspace only those of the last, partial wave, or all if no wave is partial.
std::int64_t split_tiles(const GemmKernel& kernel, const DeviceInfo& device,
                         const QuantizedLinearDescriptor& problem, int split_k);

/// Returns whether all slices of the split tiles fit into one wave.
bool split_fills_one_wave(const GemmKernel& kernel, const DeviceInfo& device,
                          const QuantizedLinearDescriptor& problem, int split_k);

/// Returns the clocks that `kernel` should take on `problem`, for comparison with other kernels
/// only.
double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, int split_k);

}  // namespace qlinear::detail
