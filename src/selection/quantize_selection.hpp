#pragma once

#include <device/device_info.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>
#include <selection/choice_origin.hpp>
#include <selection/forced_kernel.hpp>
#include <selection/kernel_table.hpp>
#include <selection/tuning_table.hpp>

#include <cstdint>
#include <span>

namespace qlinear::detail {

/// Up to this length a block of `kFewThreads` holds the row in two chunks a thread, and exchanging
/// the maximum between blocks would cost more than the second chunk.
inline constexpr std::int64_t kLongRow = 8192;

struct QuantizeChoice {
  const QuantizeKernel* kernel = nullptr;
  ChoiceOrigin origin = ChoiceOrigin::Model;
};

/// The kernel that `forced` names, or that the last of the tuning table's `entries` names that
/// covers `problem` and names one that can do it, or that suits `problem` best. Errors:
/// Unsupported.
Result<QuantizeChoice> choose_quantize(const DeviceInfo& device,
                                       const DynamicRangeQuantizeDescriptor& problem,
                                       const ForcedKernel& forced,
                                       std::span<const TuningEntry> entries = {});

}  // namespace qlinear::detail
