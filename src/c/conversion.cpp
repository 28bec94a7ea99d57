#include "conversion.hpp"

#include <base/enumerators.hpp>
#include <c/boundary.hpp>
#include <c/enums.hpp>
#include <c/field_count.hpp>
#include <validation/fusion_rules.hpp>
#include <validation/validation.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace qlinear::c {
namespace {

// Nothing is forgotten: C has the fields of C++, and besides `struct_size` and `reserved`.
static_assert(field_count<qlinear_source>() == field_count<SourceDescriptor>());
static_assert(field_count<qlinear_scale>() == field_count<ScaleDescriptor>());
static_assert(field_count<qlinear_epilogue>() == field_count<EpilogueDescriptor>());
static_assert(field_count<qlinear_linear_descriptor>() ==
              field_count<QuantizedLinearDescriptor>() + 2);
static_assert(field_count<qlinear_quantize_descriptor>() ==
              field_count<DynamicRangeQuantizeDescriptor>() + 2);
static_assert(field_count<qlinear_source_tensors>() == field_count<SourceTensors<float>>());
static_assert(field_count<qlinear_scale_tensors>() == field_count<ScaleTensors<float>>());
static_assert(field_count<qlinear_given_activation>() == field_count<GivenActivation<float>>());
static_assert(field_count<qlinear_zero_point_tensors>() == field_count<ZeroPointTensors<S8>>());
static_assert(field_count<qlinear_epilogue_tensors>() == field_count<EpilogueTensors<float>>());
static_assert(field_count<qlinear_linear_args>() ==
              field_count<QuantizedLinearArgs<float, S8>>() + 1);
static_assert(field_count<qlinear_quantize_args>() ==
              field_count<DynamicRangeQuantizeArgs<float, S8>>() + 1);
static_assert(field_count<FakeQuantizeArgs<float>>() == 2);  // Two arguments in C.
// C says with `limit_workspace` what the largest number says in C++.
static_assert(field_count<qlinear_plan_preference>() == field_count<PlanPreference>() + 3);
static_assert(field_count<qlinear_precision_guarantee>() == field_count<PrecisionGuarantee>());
static_assert(field_count<qlinear_kernel_sku>() == field_count<KernelSku>() + 1);

// Structs end with no padding, in which a later field would meet what an older program left there.
static_assert(offsetof(qlinear_linear_descriptor, reserved) + sizeof(std::int32_t) ==
              sizeof(qlinear_linear_descriptor));
static_assert(offsetof(qlinear_quantize_descriptor, reserved) + sizeof(std::int32_t) ==
              sizeof(qlinear_quantize_descriptor));
static_assert(offsetof(qlinear_plan_preference, reserved) + sizeof(std::int32_t) ==
              sizeof(qlinear_plan_preference));
static_assert(offsetof(qlinear_kernel_sku, precision_guarantee) +
                  sizeof(qlinear_precision_guarantee) ==
              sizeof(qlinear_kernel_sku));

// The fields that the first version of each struct begins with, and without which it says nothing.
constexpr std::size_t kLeastLinear = offsetof(qlinear_linear_descriptor, source);
constexpr std::size_t kLeastQuantize = offsetof(qlinear_quantize_descriptor, source);
constexpr std::size_t kLeastPreference = offsetof(qlinear_plan_preference, limit_workspace);
constexpr std::size_t kLeastLinearArgs = offsetof(qlinear_linear_args, source);
constexpr std::size_t kLeastQuantizeArgs = offsetof(qlinear_quantize_args, source);
constexpr std::size_t kLeastSku = offsetof(qlinear_kernel_sku, category);

/// Checks that C's `value` is one of `Enum`, which `same_values` says is one of C++ likewise.
template <class Enum>
Status check_enumerator(const char* field, std::int32_t value) noexcept {
  return detail::validate_enumerator(field, value, detail::enumerator_count<Enum>());
}

Status check_enumerators(const qlinear_source& source, const qlinear_scale& scale) noexcept {
  Status status = check_enumerator<SourceKind>("source.kind", source.kind);
  if (status.ok()) {
    status = check_enumerator<ActivationFunction>("source.function", source.function);
  }
  return status.ok() ? check_enumerator<ScaleKind>("scale.kind", scale.kind) : status;
}

SourceDescriptor read(const qlinear_source& source) noexcept {
  return {.kind = from_c<SourceKind>(source.kind),
          .function = from_c<ActivationFunction>(source.function),
          .residual = source.residual != 0,
          .residual_in_compute_type = source.residual_in_compute_type != 0,
          .norm_weight_in_compute_type = source.norm_weight_in_compute_type != 0,
          .unit_offset = source.unit_offset != 0,
          .eps = source.eps};
}

ScaleDescriptor read(const qlinear_scale& scale) noexcept {
  return {.kind = from_c<ScaleKind>(scale.kind), .zero_points = scale.zero_points != 0};
}

EpilogueDescriptor read(const qlinear_epilogue& epilogue) noexcept {
  return {.activation = from_c<ActivationFunction>(epilogue.activation),
          .gated = epilogue.gated != 0,
          .routing_weight = epilogue.routing_weight != 0,
          .residual = epilogue.residual != 0};
}

qlinear_source written(const SourceDescriptor& descriptor) noexcept {
  const auto& [kind, function, residual, residual_in_c, norm_weight_in_c, unit_offset, eps] =
      descriptor;
  return {.kind = to_c(kind),
          .function = to_c(function),
          .residual = residual,
          .residual_in_compute_type = residual_in_c,
          .norm_weight_in_compute_type = norm_weight_in_c,
          .unit_offset = unit_offset,
          .eps = eps};
}

qlinear_scale written(const ScaleDescriptor& descriptor) noexcept {
  const auto& [kind, zero_points] = descriptor;
  return {.kind = to_c(kind), .zero_points = zero_points};
}

qlinear_epilogue written(const EpilogueDescriptor& descriptor) noexcept {
  const auto& [activation, gated, routing_weight, residual] = descriptor;
  return {.activation = to_c(activation),
          .gated = gated,
          .routing_weight = routing_weight,
          .residual = residual};
}

qlinear_precision_guarantee written(const PrecisionGuarantee& guarantee) noexcept {
  const auto& [math, accumulator, deterministic, same_hardware, across_hardware, batch_invariant] =
      guarantee;
  return {.math_precision = to_c(math),
          .accumulator = to_c(accumulator),
          .deterministic = deterministic,
          .bit_stable_on_same_hardware = same_hardware,
          .bit_stable_across_hardware = across_hardware,
          .batch_invariant = batch_invariant};
}

PrecisionGuarantee read(const qlinear_precision_guarantee& guarantee) noexcept {
  return {.math_precision = element_from_c(guarantee.math_precision),
          .accumulator = element_from_c(guarantee.accumulator),
          .deterministic = guarantee.deterministic != 0,
          .bit_stable_on_same_hardware = guarantee.bit_stable_on_same_hardware != 0,
          .bit_stable_across_hardware = guarantee.bit_stable_across_hardware != 0,
          .batch_invariant = guarantee.batch_invariant != 0};
}

/// A range of zeros is that of a descriptor that says nothing of it.
template <class Given, class Descriptor>
void convert_range(const Given& given, Descriptor& descriptor) noexcept {
  if (given.q_min == 0 && given.q_max == 0) return;
  descriptor.q_min = given.q_min;
  descriptor.q_max = given.q_max;
}

TensorView read(const qlinear_tensor& tensor) noexcept {
  TensorView view;
  view.data = tensor.data;
  view.rank = tensor.rank;
  view.element = element_from_c(tensor.element);
  std::copy(std::begin(tensor.shape), std::end(tensor.shape), view.shape.begin());
  std::copy(std::begin(tensor.stride), std::end(tensor.stride), view.stride.begin());
  return view;
}

detail::SourceViews read(const qlinear_source_tensors& tensors) noexcept {
  return {.column_factor = read(tensors.column_factor),
          .norm_weight = read(tensors.norm_weight),
          .norm_bias = read(tensors.norm_bias),
          .residual = read(tensors.residual),
          .residual_out = read(tensors.residual_out),
          .normed_out = read(tensors.normed_out)};
}

detail::ScaleViews read(const qlinear_scale_tensors& tensors) noexcept {
  return {.range_max = read(tensors.range_max),
          .range_min = read(tensors.range_min),
          .scale = read(tensors.scale),
          .zero_point = read(tensors.zero_point)};
}

detail::GivenViews read(const qlinear_given_activation& tensors) noexcept {
  return {.q = read(tensors.q),
          .scale = read(tensors.scale),
          .zero_point = read(tensors.zero_point),
          .sum = read(tensors.sum)};
}

detail::EpilogueViews read(const qlinear_epilogue_tensors& tensors) noexcept {
  return {.routing_weight = read(tensors.routing_weight), .residual = read(tensors.residual)};
}

/// Whether the fields of `args` from `offset` on are zeros, which means no tensors.
template <class Args>
bool is_zero_from(const Args& args, std::size_t offset) noexcept {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&args);
  return std::all_of(bytes + offset, bytes + sizeof(args), [](unsigned char b) { return b == 0; });
}

std::string_view name_of(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

}  // namespace

Status convert(const qlinear_linear_descriptor* given,
               QuantizedLinearDescriptor& descriptor) noexcept {
  qlinear_linear_descriptor d;
  if (Status s = receive("descriptor", given, kLeastLinear, d); !s.ok()) return s;
  if (Status s = check_reserved("descriptor->reserved", d.reserved); !s.ok()) return s;
  if (Status s = check_enumerators(d.source, d.scale); !s.ok()) return s;
  if (Status s = check_enumerator<ActivationFunction>("epilogue.activation", d.epilogue.activation);
      !s.ok()) {
    return s;
  }
  descriptor = {.m = d.m,
                .c_out = d.c_out,
                .k = d.k,
                .activation_element = element_from_c(d.activation_element),
                .weight_element = element_from_c(d.weight_element),
                .source = read(d.source),
                .scale = read(d.scale),
                .weight_zero_points = d.weight_zero_points != 0,
                .epilogue = read(d.epilogue)};
  convert_range(d, descriptor);
  Status status =
      detail::validate_activation_element("activation_element", descriptor.activation_element);
  return status.ok() ? detail::validate_weight_element("weight_element", descriptor.weight_element)
                     : status;
}

Status convert(const qlinear_quantize_descriptor* given,
               DynamicRangeQuantizeDescriptor& descriptor) noexcept {
  qlinear_quantize_descriptor d;
  if (Status s = receive("descriptor", given, kLeastQuantize, d); !s.ok()) return s;
  if (Status s = check_reserved("descriptor->reserved", d.reserved); !s.ok()) return s;
  if (Status s = check_enumerators(d.source, d.scale); !s.ok()) return s;
  if (d.quantized_element == QLINEAR_ELEMENT_UNSET) d.quantized_element = QLINEAR_ELEMENT_S8;
  descriptor = {.m = d.m,
                .k = d.k,
                .activation_element = element_from_c(d.activation_element),
                .quantized_element = element_from_c(d.quantized_element),
                .source = read(d.source),
                .scale = read(d.scale),
                .sums = d.sums != 0};
  convert_range(d, descriptor);
  Status status =
      detail::validate_activation_element("activation_element", descriptor.activation_element);
  return status.ok()
             ? detail::validate_quantized_element("quantized_element", descriptor.quantized_element)
             : status;
}

Status convert(const qlinear_plan_preference* given, PlanPreference& preference) noexcept {
  preference = {};
  if (given == nullptr) return {};
  qlinear_plan_preference p;
  if (Status s = receive("preference", given, kLeastPreference, p); !s.ok()) return s;
  preference.kernel = name_of(p.kernel);
  preference.quantize_kernel = name_of(p.quantize_kernel);
  preference.forbid_architecture_specific = p.forbid_architecture_specific != 0;
  preference.split_k = p.split_k;
  if (p.limit_workspace != 0) preference.max_workspace = p.max_workspace;
  preference.constant_weights = p.constant_weights != 0;
  preference.max_sms = p.max_sms;
  return check_reserved("preference->reserved", p.reserved);
}

Status convert(const qlinear_linear_args* given, detail::LinearTensors& tensors) noexcept {
  qlinear_linear_args a;
  if (Status s = receive("args", given, kLeastLinearArgs, a); !s.ok()) return s;
  tensors.activation = read(a.activation);
  tensors.weight_q = read(a.weight_q);
  tensors.weight_scale = read(a.weight_scale);
  tensors.output = read(a.output);
  tensors.act_q_scratch = read(a.act_q_scratch);
  tensors.act_scale_scratch = read(a.act_scale_scratch);
  tensors.bias = read(a.bias);
  tensors.options.reset();  // Lest those of an earlier call stay.
  if (is_zero_from(a, offsetof(qlinear_linear_args, source))) return {};
  tensors.options = {.quantize = {.source = read(a.source),
                                  .scale_from = read(a.scale),
                                  .zero_point = read(a.zero_points.act_zero_point_scratch),
                                  .sum = read(a.zero_points.act_sum_scratch)},
                     .given = read(a.given),
                     .weight_sum = read(a.zero_points.weight_sum),
                     .weight_zero_point = read(a.zero_points.weight_zero_point),
                     .epilogue = read(a.epilogue)};
  return {};
}

Status convert(const qlinear_quantize_args* given, detail::QuantizeTensors& tensors) noexcept {
  qlinear_quantize_args a;
  if (Status s = receive("args", given, kLeastQuantizeArgs, a); !s.ok()) return s;
  tensors.activation = read(a.activation);
  tensors.quantized = read(a.quantized);
  tensors.scale = read(a.scale);
  tensors.options.reset();
  if (is_zero_from(a, offsetof(qlinear_quantize_args, source))) return {};
  tensors.options = {.source = read(a.source),
                     .scale_from = read(a.scale_from),
                     .zero_point = read(a.zero_point),
                     .sum = read(a.sum)};
  return {};
}

Status convert(const char* name, const qlinear_tensor* given, TensorView& view) noexcept {
  if (Status s = check_pointer(name, given); !s.ok()) return s;
  view = read(*given);
  return {};
}

Status convert(const qlinear_kernel_sku* given, KernelSku& sku) noexcept {
  qlinear_kernel_sku s;
  if (Status status = receive("sku", given, kLeastSku, s); !status.ok()) return status;
  sku = {.name = s.name == nullptr ? "" : s.name,
         .category = from_c<KernelCategory>(s.category),
         .op = from_c<KernelOp>(s.op),
         .element = element_from_c(s.element),
         .weight_element = element_from_c(s.weight_element),
         .accumulator = element_from_c(s.accumulator),
         .architecture = s.architecture,
         .architecture_specific = s.architecture_specific != 0,
         .compiled_for = s.compiled_for == nullptr ? "" : s.compiled_for,
         .backend = from_c<KernelBackend>(s.backend),
         .precision_guarantee = read(s.precision_guarantee)};
  return {};
}

Status hand_out(const QuantizedLinearDescriptor& descriptor,
                qlinear_linear_descriptor* out) noexcept {
  const auto& [m, c_out, k, q_min, q_max, activation, weight, source, scale, weight_zero_points,
               epilogue] = descriptor;
  return hand_out("descriptor",
                  qlinear_linear_descriptor{.struct_size = 0,
                                            .m = m,
                                            .c_out = c_out,
                                            .k = k,
                                            .q_min = q_min,
                                            .q_max = q_max,
                                            .activation_element = to_c(activation),
                                            .weight_element = to_c(weight),
                                            .source = written(source),
                                            .scale = written(scale),
                                            .epilogue = written(epilogue),
                                            .weight_zero_points = weight_zero_points,
                                            .reserved = 0},
                  kLeastLinear, out);
}

Status hand_out(const DynamicRangeQuantizeDescriptor& descriptor,
                qlinear_quantize_descriptor* out) noexcept {
  const auto& [m, k, q_min, q_max, activation, quantized, source, scale, sums] = descriptor;
  return hand_out("descriptor",
                  qlinear_quantize_descriptor{.struct_size = 0,
                                              .m = m,
                                              .k = k,
                                              .q_min = q_min,
                                              .q_max = q_max,
                                              .activation_element = to_c(activation),
                                              .quantized_element = to_c(quantized),
                                              .source = written(source),
                                              .scale = written(scale),
                                              .sums = sums,
                                              .reserved = 0},
                  kLeastQuantize, out);
}

Status hand_out(const KernelSku& sku, qlinear_kernel_sku* out) noexcept {
  const auto& [name, category, op, element, weight_element, accumulator, architecture, specific,
               compiled_for, backend, guarantee] = sku;
  return hand_out("sku",
                  qlinear_kernel_sku{.struct_size = 0,
                                     .name = name,
                                     .compiled_for = compiled_for,
                                     .category = to_c(category),
                                     .op = to_c(op),
                                     .backend = to_c(backend),
                                     .architecture = architecture,
                                     .architecture_specific = specific,
                                     .element = to_c(element),
                                     .weight_element = to_c(weight_element),
                                     .accumulator = to_c(accumulator),
                                     .precision_guarantee = written(guarantee)},
                  kLeastSku, out);
}

}  // namespace qlinear::c
