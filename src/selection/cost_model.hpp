#pragma once

#include <device/device_info.hpp>
#include <qlinear/problem.hpp>
#include <selection/kernel_table.hpp>
#include <selection/tiling.hpp>

#include <cstdint>

namespace qlinear::detail {

/// From this many tokens on a layer may reach the GPU's power limit: rows of 128 tokens of the
/// benchmark drew at most 618 W on an H100 and 670 W on an H200, rows of 256 all of their 700 W.
inline constexpr std::int64_t kPowerBoundTokens = 256;

/// Returns the clocks that `kernel` should take on `problem`, divided as `tiling` says, for
/// comparison with other kernels only.
double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, const Tiling& tiling);

}  // namespace qlinear::detail
