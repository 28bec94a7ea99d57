#pragma once

#include <device/device_info.hpp>
#include <qlinear/problem.hpp>
#include <selection/kernel_table.hpp>

#include <cstdint>

namespace qlinear::detail {

/// Tokens from which on a layer may take a GPU to its power limit: in the benchmark's rows of 128
/// tokens an H100 and an H200 took 618 and 670 W at most, in those of 256 all of their 700 W.
inline constexpr std::int64_t kPowerBoundTokens = 256;

/// Blocks of `kernel` that run at once if K is split into `split_k` slices.
std::int64_t blocks_at_once(const GemmKernel& kernel, const DeviceInfo& device, int split_k);

/// Rows of the weights that a tile takes, of the `tile_n` that it holds.
int weight_rows_of_tile(const GemmKernel& kernel, const DeviceInfo& device,
                        const QuantizedLinearDescriptor& problem, int split_k);

/// Tiles whose K is split into `split_k` > 1 slices: all that fill no wave, or all if there are no
/// such. By a cluster all are.
std::int64_t split_tiles(const GemmKernel& kernel, const DeviceInfo& device,
                         const QuantizedLinearDescriptor& problem, int split_k);

/// Whether the slices of the tiles that are split run at once, without whole tiles beside them.
bool split_fills_one_wave(const GemmKernel& kernel, const DeviceInfo& device,
                          const QuantizedLinearDescriptor& problem, int split_k);

/// Expected clocks of `kernel` on `problem`, for comparing kernels with each other.
double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, int split_k);

}  // namespace qlinear::detail
