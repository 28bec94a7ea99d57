#pragma once

#include <device/device_info.hpp>
#include <qlinear/plan.hpp>
#include <qlinear/problem.hpp>
#include <selection/kernel_table.hpp>
#include <selection/tiling.hpp>

#include <optional>
#include <string>

namespace qlinear::detail {

/// A problem on a GPU, and what the caller prefers.
struct GemmRequest {
  const DeviceInfo& device;
  const QuantizedLinearDescriptor& problem;
  const PlanPreference& preference;
};

/// Returns whether `kernel` can do what is asked for, apart from a split of K.
bool can_do(const GemmKernel& kernel, const GemmRequest& request);

/// Says why `can_do` refuses `kernel`: "takes M and C_out up to 7".
std::string obstacle(const GemmKernel& kernel, const GemmRequest& request);

/// Returns the tiling of a `kernel` that can do what is asked for with K in `split_k` slices, or
/// nothing where K may not be split so.
std::optional<Tiling> split_tiling(const GemmKernel& kernel, const GemmRequest& request,
                                   int split_k);

}  // namespace qlinear::detail
