#pragma once

#include <device/device_info.hpp>
#include <selection/plan_state.hpp>

#include <cstdint>

namespace qlinear::detail {

/// A thread remembers its latest selections without preferences, since comparing kernels takes
/// microseconds and an engine asks for the same few problems at every step.
///
/// Returns the state that `select` found for `descriptor` on `device`, with as many SMs and the
/// tuning table of `generation`, or null.
const LinearState* remembered_selection(const DeviceInfo& device,
                                        const QuantizedLinearDescriptor& descriptor,
                                        std::uint64_t generation);

/// `generation` is that of before `state` was chosen.
void remember_selection(const LinearState& state, std::uint64_t generation);

}  // namespace qlinear::detail
