#pragma once

#include <selection/plan_state.hpp>

namespace qlinear::detail {

/// A thread remembers its latest selections without preferences, since comparing kernels takes
/// microseconds and an engine asks for the same few problems at every step.
///
/// Returns the state that `select` found for `descriptor` on `device`, or null.
const LinearState* remembered_selection(int device, const QuantizedLinearDescriptor& descriptor);

void remember_selection(const LinearState& state);

}  // namespace qlinear::detail
