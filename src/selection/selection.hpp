#pragma once

#include <device/device_info.hpp>
#include <qlinear/plan.hpp>
#include <selection/plan_state.hpp>

namespace qlinear::detail {

/// Chooses kernels. Preconditions: the descriptors are valid. Errors: Unsupported.
Result<QuantizeState> select_quantize(const DeviceInfo& device,
                                      const DynamicRangeQuantizeDescriptor& descriptor,
                                      const PlanPreference& preference);
Result<LinearState> select_linear(const DeviceInfo& device,
                                  const QuantizedLinearDescriptor& descriptor,
                                  const PlanPreference& preference);

}  // namespace qlinear::detail
