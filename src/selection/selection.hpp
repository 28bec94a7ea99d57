#pragma once

#include <device/device_info.hpp>
#include <qlinear/plan.hpp>
#include <selection/choice_origin.hpp>
#include <selection/forced_kernel.hpp>
#include <selection/plan_state.hpp>
#include <selection/tuning_table.hpp>

#include <span>

// The choice of kernels, as functions of their arguments alone: plan_selection.hpp brings in the
// environment, the process's tuning table, the memory of selections and the log.

namespace qlinear::detail {

/// What a caller prefers, and the kernels that it or the environment forces.
struct SelectionRequest {
  PlanPreference preference;
  ForcedKernel gemm;
  ForcedKernel quantize;
};

struct QuantizeSelection {
  QuantizeState state;
  ChoiceOrigin origin = ChoiceOrigin::Model;
};

/// A selection, and how it came about.
struct LinearSelection {
  LinearState state;
  ChoiceOrigin quantize_origin = ChoiceOrigin::Model;
  ChoiceOrigin aligned_origin = ChoiceOrigin::Model;
  ChoiceOrigin unaligned_origin = ChoiceOrigin::Model;
  /// The kernel that the tuning table asks for first, if it cannot be done.
  const GemmKernel* passed_over = nullptr;
};

/// Chooses kernels for a device that is limited to the SMs of the preference already; a forced
/// kernel comes before `entries`, which are those of the problem, and they before the cost model.
/// Preconditions: the descriptors are valid. Errors: Unsupported.
Result<QuantizeSelection> select_quantize(const DeviceInfo& device,
                                          const DynamicRangeQuantizeDescriptor& problem,
                                          const SelectionRequest& request);
Result<LinearSelection> select_linear(const DeviceInfo& device,
                                      const QuantizedLinearDescriptor& problem,
                                      const SelectionRequest& request,
                                      std::span<const TuningEntry> entries = {});

}  // namespace qlinear::detail
