#pragma once

#include <device/device_info.hpp>
#include <qlinear/problem.hpp>
#include <selection/plan_state.hpp>
#include <selection/search.hpp>

namespace qlinear::detail {

/// Returns `candidate` with how it is launched. Without `prefetches` the quantize kernel cannot
/// prefetch weights.
GemmChoice with_launch_policy(const Candidate& candidate, const DeviceInfo& device,
                              const QuantizedLinearDescriptor& problem, bool prefetches);

/// Returns whether the GEMM gains by reading constant weights before earlier kernels in the stream
/// finish.
bool early_start_pays(const Candidate& candidate, const QuantizedLinearDescriptor& problem);

}  // namespace qlinear::detail
