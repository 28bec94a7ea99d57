#pragma once

#include <device/device_info.hpp>
#include <qlinear/plan.hpp>
#include <selection/plan_state.hpp>

namespace qlinear::detail {

/// Selects in this process: by the environment's forced kernels and the process's tuning table, out
/// of memory where the same was asked before, with a line in the log. Preconditions: the
/// descriptors are valid. Errors: Unsupported.
Result<QuantizeState> select_for_plan(const DeviceInfo& device,
                                      const DynamicRangeQuantizeDescriptor& problem,
                                      const PlanPreference& preference);
Result<LinearState> select_for_plan(const DeviceInfo& device,
                                    const QuantizedLinearDescriptor& problem,
                                    const PlanPreference& preference);

}  // namespace qlinear::detail
