#pragma once

#include <qlinear/qlinear.h>
#include <qlinear/kernel_sku.hpp>
#include <qlinear/plan.hpp>
#include <qlinear/status.hpp>
#include <validation/call_tensors.hpp>

// Structs of C as those of C++, and back. A field that only one of them has does not compile.

namespace qlinear::c {

// Errors: InvalidProblem, for null pointers, sizes of structs, and values that are no enumerators.
// What else is wrong, validation/ says. Element kinds are those that a layer can have.

Status convert(const qlinear_linear_descriptor* given,
               QuantizedLinearDescriptor& descriptor) noexcept;
Status convert(const qlinear_quantize_descriptor* given,
               DynamicRangeQuantizeDescriptor& descriptor) noexcept;
/// A null pointer means the defaults. Names point into what `given` points to.
Status convert(const qlinear_plan_preference* given, PlanPreference& preference) noexcept;
Status convert(const qlinear_linear_args* given, detail::LinearTensors& tensors) noexcept;
Status convert(const qlinear_quantize_args* given, detail::QuantizeTensors& tensors) noexcept;
Status convert(const char* name, const qlinear_tensor* given, TensorView& view) noexcept;

Status hand_out(const QuantizedLinearDescriptor& descriptor,
                qlinear_linear_descriptor* out) noexcept;
Status hand_out(const DynamicRangeQuantizeDescriptor& descriptor,
                qlinear_quantize_descriptor* out) noexcept;
Status hand_out(const KernelSku& sku, qlinear_kernel_sku* out) noexcept;

/// What a caller passes of a kernel, for `to_string`.
Status convert(const qlinear_kernel_sku* given, KernelSku& sku) noexcept;

}  // namespace qlinear::c
