#pragma once

#include <qlinear/plan.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>

namespace qlinear::detail {

/// What of a linear layer a call is about to run.
enum class Pass {
  Quantize,  ///< Reads `activation`, writes the scratch; no other argument is looked at.
  Multiply,  ///< Reads the scratch, writes `output`; `activation` is not looked at.
  Both,
};

/// Errors: InvalidProblem (element kinds other than `activation` and `weight`, negative sizes, a
/// range that breaks `-128 <= q_min <= 0 < q_max <= 127`), Unsupported (M or C_out of 2^31 or more,
/// K above `max_k`).
Status validate_problem(const QuantizedLinearDescriptor& descriptor, ElementKind activation,
                        ElementKind weight) noexcept;

/// As above; here K may reach 2^31 - 1, because nothing is summed.
Status validate_problem(const DynamicRangeQuantizeDescriptor& descriptor, ElementKind activation,
                        ElementKind quantized) noexcept;

/// Errors: InvalidProblem (a name with a length and a null pointer, a negative split of K or
/// number of SMs).
Status validate_preference(const PlanPreference& preference) noexcept;

/// Errors: InvalidProblem (bytes at a null pointer).
Status validate_workspace(Workspace workspace) noexcept;

/// Checks shape, strides, pointer, alignment and extent of every tensor that `pass` uses, and that
/// none that it writes, nor `workspace`, overlaps another. Views whose rows are equally far apart
/// in bytes are compared exactly, so interleaved column slices of one buffer are legal; others are
/// compared as the intervals that they span. Allocates only on failure. Precondition:
/// `validate_problem` accepts `descriptor`. Errors: InvalidProblem. Instantiated for every TIn and
/// TWQ of `QuantizedLinearPlan`.
template <class TIn, class TWQ>
Status validate_args(const QuantizedLinearDescriptor& descriptor,
                     const QuantizedLinearArgs<TIn, TWQ>& args, Pass pass = Pass::Both,
                     Workspace workspace = {}) noexcept;

template <class TIn, class TQ>
Status validate_args(const DynamicRangeQuantizeDescriptor& descriptor,
                     const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept;

}  // namespace qlinear::detail
