#pragma once

#include <qlinear/plan.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>
#include <validation/call_tensors.hpp>
#include <validation/tensor_check.hpp>

namespace qlinear::detail {

/// Checks element kinds that no template argument has checked. Errors: InvalidProblem.
Status validate_activation_element(const char* name, ElementKind element) noexcept;
Status validate_weight_element(const char* name, ElementKind element) noexcept;
Status validate_quantized_element(const char* name, ElementKind element) noexcept;

/// `descriptor` with the element kinds that it may have left to the template arguments.
inline QuantizedLinearDescriptor with_elements(QuantizedLinearDescriptor descriptor,
                                               ElementKind activation, ElementKind weight) {
  descriptor.activation_element = activation;
  descriptor.weight_element = weight;
  return descriptor;
}
inline DynamicRangeQuantizeDescriptor with_elements(DynamicRangeQuantizeDescriptor descriptor,
                                                    ElementKind activation, ElementKind quantized) {
  descriptor.activation_element = activation;
  descriptor.quantized_element = quantized;
  return descriptor;
}

/// Errors: InvalidProblem (element kinds that are set and are not `activation` and `weight`,
/// negative sizes, a range that breaks `-128 <= q_min <= 0 < q_max <= 127`), Unsupported (M or
/// C_out of 2^31 or more, K above `max_k`).
Status validate_problem(const QuantizedLinearDescriptor& descriptor, ElementKind activation,
                        ElementKind weight) noexcept;

/// Checks likewise; here K may reach 2^31 - 1, because nothing is summed.
Status validate_problem(const DynamicRangeQuantizeDescriptor& descriptor, ElementKind activation,
                        ElementKind quantized) noexcept;

/// Checks preferences. Errors: InvalidProblem (a name with a length and a null pointer, a negative
/// split of K or number of SMs).
Status validate_preference(const PlanPreference& preference) noexcept;

/// Checks the workspace. Errors: InvalidProblem (bytes at a null pointer).
Status validate_workspace(Workspace workspace) noexcept;

/// Checks shape, strides, pointer, alignment and extent of every tensor that `pass` uses, and that
/// none that it writes, nor `workspace`, overlaps another. Views whose rows are equally far apart
/// in bytes are compared exactly, so interleaved column slices of one buffer are legal; others are
/// compared as the intervals that they span. Allocates only on failure. Precondition:
/// `validate_problem` accepts `descriptor`, which names its element kinds. Errors: InvalidProblem.
Status validate_tensors(const QuantizedLinearDescriptor& descriptor, const LinearTensors& tensors,
                        Pass pass = Pass::Both, Workspace workspace = {}) noexcept;

/// Checks that `other_output`, which is written while `tensors` are used, overlaps none of those
/// that `Pass::Multiply` uses.
Status validate_apart(const QuantizedLinearDescriptor& descriptor, const LinearTensors& tensors,
                      const TensorView& other_output) noexcept;

/// Checks likewise the tensors of a quantize pass and, if there is one, `output`, which is written
/// and has the shape of q.
Status validate_tensors(const DynamicRangeQuantizeDescriptor& descriptor,
                        const QuantizeTensors& tensors,
                        const TensorView* output = nullptr) noexcept;

/// Checks a matrix of any shape and elements `element` likewise, and `sums`, which is written and
/// has an element a row.
Status validate_row_sums(const char* name, ElementKind element, const TensorView& matrix,
                         const TensorView& sums) noexcept;

/// Checks the tensors of `reference::fake_quantize` likewise, whose output has elements
/// `activation`.
Status validate_fake_quantize(ElementKind activation, const TensorView& quantized,
                              const TensorView& scale, const TensorView& zero_point,
                              const TensorView& output) noexcept;

}  // namespace qlinear::detail
