#pragma once

#include <device/device_info.hpp>
#include <qlinear/plan.hpp>
#include <qlinear/problem.hpp>
#include <selection/kernel_table.hpp>

#include <cstdint>

namespace qlinear::detail {

/// The environment variable that forces a quantize kernel.
inline constexpr const char* kQuantizeKernelVariable = "QLINEAR_QUANTIZE_KERNEL";

/// Up to this length a block of `kFewThreads` holds the row in two chunks a thread, and exchanging
/// the maximum between blocks would cost more than the second chunk.
inline constexpr std::int64_t kLongRow = 8192;

/// Errors: Unsupported.
Result<const QuantizeKernel*> choose_quantize(const DeviceInfo& device,
                                              const DynamicRangeQuantizeDescriptor& problem,
                                              const PlanPreference& preference);

}  // namespace qlinear::detail
