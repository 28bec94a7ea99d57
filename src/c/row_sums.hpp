#pragma once

#include <qlinear/qlinear.h>
#include <c/boundary.hpp>
#include <c/conversion.hpp>
#include <validation/validation.hpp>

namespace qlinear::c {

/// Calls `sum(element, matrix, sums)` for a weight, of which `element` is the kind.
template <class Sum>
qlinear_status sum_weight(const qlinear_tensor* weight, const qlinear_tensor* sums,
                          TextBuffer message, const Sum& sum) noexcept {
  TensorView matrix;
  TensorView vector;
  Status status = convert("weight", weight, matrix);
  if (status.ok()) status = convert("sums", sums, vector);
  if (status.ok()) status = detail::validate_weight_element("weight->element", matrix.element);
  if (status.ok()) status = sum(matrix.element, matrix, vector);
  return report(message, status);
}

/// Calls `sum(matrix, sums)` for a quantized activation.
template <class Sum>
qlinear_status sum_activation(const qlinear_tensor* quantized, const qlinear_tensor* sums,
                              TextBuffer message, const Sum& sum) noexcept {
  TensorView matrix;
  TensorView vector;
  Status status = convert("quantized", quantized, matrix);
  if (status.ok()) status = convert("sums", sums, vector);
  if (status.ok()) status = sum(matrix, vector);
  return report(message, status);
}

}  // namespace qlinear::c
