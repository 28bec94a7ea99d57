#include <validation/fusion_rules.hpp>
#include <validation/tensor_check.hpp>
#include <validation/validation.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

// The tables of tensors: whose shape is what, which pass reads or writes it, and which part of the
// descriptor asks for it.

namespace qlinear::detail {
namespace {

constexpr auto kRead = Access::Read;
constexpr auto kWrite = Access::Write;

TensorView bytes_view(Workspace workspace) noexcept {
  TensorView view;
  view.data = workspace.data;
  view.rank = 1;
  view.element = ElementKind::U8;
  view.shape[0] = static_cast<std::int64_t>(workspace.bytes);
  view.stride[0] = 1;
  return view;
}

ElementKind compute_kind(ElementKind activation) noexcept {
  return activation == ElementKind::F64 ? ElementKind::F64 : ElementKind::F32;
}

template <class... Views>
bool all_absent(const Views&... views) noexcept {
  return (is_absent(views) && ...);
}

Status add_source(TensorChecker& checker, const SourceDescriptor& source, const SourceViews& views,
                  ElementKind activation, std::int64_t m, std::int64_t k) {
  if (source.kind == SourceKind::Plain &&
      all_absent(views.column_factor, views.norm_weight, views.norm_bias, views.residual,
                 views.residual_out, views.normed_out)) {
    return {};
  }
  const ElementKind compute = compute_kind(activation);
  const ElementKind weight = source.norm_weight_in_compute_type ? compute : activation;
  const ElementKind stream = source.residual_in_compute_type ? compute : activation;
  const std::array table{
      CallTensor{.name = "source.column_factor",
                 .axes = "[K]",
                 .view = views.column_factor,
                 .type = vector_of(compute),
                 .columns = k,
                 .quantize = kRead,
                 .option = "source.kind column_factor",
                 .asked_for = source.kind == SourceKind::ColumnFactor},
      CallTensor{.name = "source.norm_weight",
                 .axes = "[K]",
                 .view = views.norm_weight,
                 .type = vector_of(weight),
                 .columns = k,
                 .quantize = kRead,
                 .optional = true,
                 .option = "source.kind rms_norm or layer_norm",
                 .asked_for = is_norm(source.kind)},
      CallTensor{.name = "source.norm_bias",
                 .axes = "[K]",
                 .view = views.norm_bias,
                 .type = vector_of(weight),
                 .columns = k,
                 .quantize = kRead,
                 .optional = true,
                 .option = "source.kind layer_norm",
                 .asked_for = source.kind == SourceKind::LayerNorm},
      CallTensor{.name = "source.residual",
                 .axes = "[M, K]",
                 .view = views.residual,
                 .type = matrix_of(stream),
                 .rows = m,
                 .columns = k,
                 .quantize = kRead,
                 .option = "source.residual",
                 .asked_for = source.residual},
      CallTensor{.name = "source.residual_out",
                 .axes = "[M, K]",
                 .view = views.residual_out,
                 .type = matrix_of(stream),
                 .rows = m,
                 .columns = k,
                 .quantize = kWrite,
                 .option = "source.residual",
                 .asked_for = source.residual,
                 .may_be = &views.residual},
      CallTensor{.name = "source.normed_out",
                 .axes = "[M, K]",
                 .view = views.normed_out,
                 .type = matrix_of(activation),
                 .rows = m,
                 .columns = k,
                 .quantize = kWrite,
                 .optional = true,
                 .option = "source.kind rms_norm or layer_norm",
                 .asked_for = is_norm(source.kind)},
  };
  return checker.add(table);
}

/// What the tensors of a scale are called where they are members of the arguments.
struct ScaleNames {
  const char* range_max;
  const char* range_min;
  const char* scale;
  const char* zero_point;
};

Status add_scale(TensorChecker& checker, const ScaleDescriptor& scale, const ScaleViews& views,
                 const ScaleNames& names, ElementKind compute, std::int64_t m) {
  if (scale.kind == ScaleKind::Dynamic &&
      all_absent(views.range_max, views.range_min, views.scale, views.zero_point)) {
    return {};
  }
  const bool asymmetric = scale.kind == ScaleKind::GivenRangeAsymmetric;
  const std::array table{
      CallTensor{.name = names.range_max,
                 .axes = "[M]",
                 .view = views.range_max,
                 .type = vector_of(compute),
                 .columns = m,
                 .quantize = kRead,
                 .option = "scale.kind given_range or given_range_asymmetric",
                 .asked_for = asymmetric || scale.kind == ScaleKind::GivenRange},
      CallTensor{.name = names.range_min,
                 .axes = "[M]",
                 .view = views.range_min,
                 .type = vector_of(compute),
                 .columns = m,
                 .quantize = kRead,
                 .option = "scale.kind given_range_asymmetric",
                 .asked_for = asymmetric},
      CallTensor{.name = names.scale,
                 .axes = "[M]",
                 .view = views.scale,
                 .type = vector_of(compute),
                 .columns = m,
                 .quantize = kRead,
                 .option = "scale.kind static",
                 .asked_for = scale.kind == ScaleKind::Static,
                 .or_one = true},
      CallTensor{.name = names.zero_point,
                 .axes = "[M]",
                 .view = views.zero_point,
                 .type = vector_of(ElementKind::S8),
                 .columns = m,
                 .quantize = kRead,
                 .option = "scale.kind static with scale.zero_points",
                 .asked_for = scale.kind == ScaleKind::Static && scale.zero_points,
                 .or_one = true},
  };
  return checker.add(table);
}

Status add_given(TensorChecker& checker, const QuantizedLinearDescriptor& descriptor,
                 const GivenViews& views) {
  const bool given = descriptor.scale.kind == ScaleKind::Given;
  if (!given && all_absent(views.q, views.scale, views.zero_point, views.sum)) return {};
  const ElementKind compute = compute_kind(descriptor.activation_element);
  const std::array table{
      CallTensor{.name = "given.q",
                 .axes = "[M, K]",
                 .view = views.q,
                 .type = matrix_of(ElementKind::S8),
                 .rows = descriptor.m,
                 .columns = descriptor.k,
                 .multiply = kRead,
                 .option = "scale.kind given",
                 .asked_for = given},
      CallTensor{.name = "given.scale",
                 .axes = "[M]",
                 .view = views.scale,
                 .type = vector_of(compute),
                 .columns = descriptor.m,
                 .multiply = kRead,
                 .option = "scale.kind given",
                 .asked_for = given,
                 .or_one = true},
      CallTensor{.name = "given.zero_point",
                 .axes = "[M]",
                 .view = views.zero_point,
                 .type = vector_of(ElementKind::S8),
                 .columns = descriptor.m,
                 .multiply = kRead,
                 .option = "scale.kind given with scale.zero_points",
                 .asked_for = given && descriptor.scale.zero_points,
                 .or_one = true},
      CallTensor{.name = "given.sum",
                 .axes = "[M]",
                 .view = views.sum,
                 .type = vector_of(ElementKind::S32),
                 .columns = descriptor.m,
                 .multiply = kRead,
                 .option = "scale.kind given with weight_zero_points",
                 .asked_for = given && descriptor.weight_zero_points},
  };
  return checker.add(table);
}

Status add_zero_points(TensorChecker& checker, const QuantizedLinearDescriptor& descriptor,
                       const LinearOptionViews& views) {
  const bool of_activation = has_zero_points(descriptor.scale);
  const bool of_weight = descriptor.weight_zero_points;
  if (!of_activation && !of_weight &&
      all_absent(views.quantize.zero_point, views.quantize.sum, views.weight_sum,
                 views.weight_zero_point)) {
    return {};
  }
  const bool quantizes = descriptor.scale.kind != ScaleKind::Given;
  const std::array table{
      CallTensor{.name = "zero_points.act_zero_point_scratch",
                 .axes = "[M]",
                 .view = views.quantize.zero_point,
                 .type = vector_of(ElementKind::S8),
                 .columns = descriptor.m,
                 .quantize = kWrite,
                 .multiply = kRead,
                 .option = "a scale with zero points that is not given",
                 .asked_for = quantizes && of_activation},
      CallTensor{.name = "zero_points.act_sum_scratch",
                 .axes = "[M]",
                 .view = views.quantize.sum,
                 .type = vector_of(ElementKind::S32),
                 .columns = descriptor.m,
                 .quantize = kWrite,
                 .multiply = kRead,
                 .option = "weight_zero_points with a scale that is not given",
                 .asked_for = quantizes && of_weight},
      CallTensor{.name = "zero_points.weight_sum",
                 .axes = "[C_out]",
                 .view = views.weight_sum,
                 .type = vector_of(ElementKind::S32),
                 .columns = descriptor.c_out,
                 .multiply = kRead,
                 .option = "a scale with zero points",
                 .asked_for = of_activation},
      CallTensor{.name = "zero_points.weight_zero_point",
                 .axes = "[C_out]",
                 .view = views.weight_zero_point,
                 .type = vector_of(descriptor.weight_element),
                 .columns = descriptor.c_out,
                 .multiply = kRead,
                 .option = "weight_zero_points",
                 .asked_for = of_weight},
  };
  return checker.add(table);
}

Status add_epilogue(TensorChecker& checker, const QuantizedLinearDescriptor& descriptor,
                    const EpilogueViews& views) {
  const EpilogueDescriptor& epilogue = descriptor.epilogue;
  if (!epilogue.routing_weight && !epilogue.residual &&
      all_absent(views.routing_weight, views.residual)) {
    return {};
  }
  const std::array table{
      CallTensor{.name = "epilogue.routing_weight",
                 .axes = "[M]",
                 .view = views.routing_weight,
                 .type = vector_of(compute_kind(descriptor.activation_element)),
                 .columns = descriptor.m,
                 .multiply = kRead,
                 .option = "epilogue.routing_weight",
                 .asked_for = epilogue.routing_weight},
      CallTensor{.name = "epilogue.residual",
                 .axes = "[M, C_out]",
                 .view = views.residual,
                 .type = matrix_of(descriptor.activation_element),
                 .rows = descriptor.m,
                 .columns = descriptor.c_out,
                 .multiply = kRead,
                 .option = "epilogue.residual",
                 .asked_for = epilogue.residual},
  };
  return checker.add(table);
}

/// Whether `descriptor` may ask for tensors that not every layer has.
bool asks_for_options(const QuantizedLinearDescriptor& descriptor) noexcept {
  return descriptor.source.kind != SourceKind::Plain || !(descriptor.scale == ScaleDescriptor{}) ||
         descriptor.weight_zero_points || !(descriptor.epilogue == EpilogueDescriptor{});
}

/// The tensors that every layer has.
Status add_layer(TensorChecker& checker, const QuantizedLinearDescriptor& descriptor,
                 const LinearTensors& tensors, const TensorView& workspace) {
  const std::int64_t m = descriptor.m, c_out = descriptor.c_out, k = descriptor.k;
  const bool gated_source = descriptor.source.kind == SourceKind::Gated;
  const bool gated_output = descriptor.epilogue.gated;
  const bool quantizes = descriptor.scale.kind != ScaleKind::Given;
  const ElementKind activation = descriptor.activation_element;
  const ElementKind compute = compute_kind(activation);
  const std::array table{
      CallTensor{.name = "activation",
                 .axes = gated_source ? "[M, 2 K]" : "[M, K]",
                 .view = tensors.activation,
                 .type = matrix_of(activation),
                 .rows = m,
                 .columns = gated_source ? 2 * k : k,
                 .quantize = kRead,
                 .option = quantizes ? nullptr : "a scale that is not given",
                 .asked_for = quantizes},
      CallTensor{.name = "act_q_scratch",
                 .axes = "[M, K]",
                 .view = tensors.act_q_scratch,
                 .type = matrix_of(ElementKind::S8),
                 .rows = m,
                 .columns = k,
                 .quantize = kWrite,
                 .multiply = kRead,
                 .option = quantizes ? nullptr : "a scale that is not given",
                 .asked_for = quantizes},
      CallTensor{.name = "act_scale_scratch",
                 .axes = "[M]",
                 .view = tensors.act_scale_scratch,
                 .type = vector_of(compute),
                 .columns = m,
                 .quantize = kWrite,
                 .multiply = kRead,
                 .option = quantizes ? nullptr : "a scale that is not given",
                 .asked_for = quantizes},
      CallTensor{.name = "weight_q",
                 .axes = "[C_out, K]",
                 .view = tensors.weight_q,
                 .type = matrix_of(descriptor.weight_element),
                 .rows = c_out,
                 .columns = k,
                 .multiply = kRead},
      CallTensor{.name = "weight_scale",
                 .axes = "[C_out]",
                 .view = tensors.weight_scale,
                 .type = vector_of(compute),
                 .columns = c_out,
                 .multiply = kRead},
      CallTensor{.name = "output",
                 .axes = gated_output ? "[M, C_out / 2]" : "[M, C_out]",
                 .view = tensors.output,
                 .type = matrix_of(activation),
                 .rows = m,
                 .columns = gated_output ? c_out / 2 : c_out,
                 .multiply = kWrite,
                 .may_be = descriptor.epilogue.residual ? &options_of(tensors).epilogue.residual
                                                        : nullptr},
      CallTensor{.name = "workspace",
                 .axes = "[bytes]",
                 .view = workspace,
                 .type = vector_of(ElementKind::U8),
                 .columns = workspace.shape[0],
                 .multiply = kWrite,
                 .optional = true},
      CallTensor{.name = "bias",
                 .axes = "[C_out]",
                 .view = tensors.bias,
                 .type = vector_of(activation),
                 .columns = c_out,
                 .multiply = kRead,
                 .optional = true},
  };
  return checker.add(table);
}

/// All tensors of a layer.
Status add_tensors(TensorChecker& checker, const QuantizedLinearDescriptor& descriptor,
                   const LinearTensors& tensors, const TensorView& workspace) {
  constexpr ScaleNames kNames{"scale.range_max", "scale.range_min", "scale.scale",
                              "scale.zero_point"};
  const std::int64_t m = descriptor.m, k = descriptor.k;
  const ElementKind compute = compute_kind(descriptor.activation_element);
  Status status = add_layer(checker, descriptor, tensors, workspace);
  if (!tensors.options && !asks_for_options(descriptor)) return status;
  const LinearOptionViews& options = options_of(tensors);
  const auto& [source, scale, zero_point, sum] = options.quantize;
  if (status.ok()) {
    status = add_source(checker, descriptor.source, source, descriptor.activation_element, m, k);
  }
  if (status.ok()) status = add_scale(checker, descriptor.scale, scale, kNames, compute, m);
  if (status.ok()) status = add_given(checker, descriptor, options.given);
  if (status.ok()) status = add_zero_points(checker, descriptor, options);
  if (status.ok()) status = add_epilogue(checker, descriptor, options.epilogue);
  return status;
}

}  // namespace

Status validate_tensors(const QuantizedLinearDescriptor& descriptor, const LinearTensors& tensors,
                        Pass pass, Workspace workspace) noexcept {
  const TensorView bytes = bytes_view(workspace);
  TensorChecker checker(pass);
  Status status = add_tensors(checker, descriptor, tensors, bytes);
  return status.ok() ? checker.check_overlap() : status;
}

Status validate_apart(const QuantizedLinearDescriptor& descriptor, const LinearTensors& tensors,
                      const TensorView& other_output) noexcept {
  const TensorView no_workspace = bytes_view({});
  TensorChecker checker(Pass::Multiply);
  Status status = add_tensors(checker, descriptor, tensors, no_workspace);
  if (status.ok()) {
    status = checker.add(std::array{CallTensor{.name = "the output of another layer",
                                               .axes = "[M, C_out]",
                                               .view = other_output,
                                               .type = matrix_of(descriptor.activation_element),
                                               .rows = other_output.shape[0],
                                               .columns = other_output.shape[1],
                                               .multiply = kWrite}});
  }
  return status.ok() ? checker.check_overlap() : status;
}

Status validate_tensors(const DynamicRangeQuantizeDescriptor& descriptor,
                        const QuantizeTensors& tensors, const TensorView* output) noexcept {
  constexpr ScaleNames kNames{"scale_from.range_max", "scale_from.range_min", "scale_from.scale",
                              "scale_from.zero_point"};
  const std::int64_t m = descriptor.m, k = descriptor.k;
  const bool gated_source = descriptor.source.kind == SourceKind::Gated;
  const ElementKind activation = descriptor.activation_element;
  const ElementKind compute = compute_kind(activation);
  const QuantizeOptionViews& options = options_of(tensors);
  const std::array table{
      CallTensor{.name = "activation",
                 .axes = gated_source ? "[M, 2 K]" : "[M, K]",
                 .view = tensors.activation,
                 .type = matrix_of(activation),
                 .rows = m,
                 .columns = gated_source ? 2 * k : k,
                 .quantize = kRead},
      CallTensor{.name = "quantized",
                 .axes = "[M, K]",
                 .view = tensors.quantized,
                 .type = matrix_of(ElementKind::S8),
                 .rows = m,
                 .columns = k,
                 .quantize = kWrite},
      CallTensor{.name = "scale",
                 .axes = "[M]",
                 .view = tensors.scale,
                 .type = vector_of(compute),
                 .columns = m,
                 .quantize = kWrite},
      CallTensor{.name = "zero_point",
                 .axes = "[M]",
                 .view = options.zero_point,
                 .type = vector_of(ElementKind::S8),
                 .columns = m,
                 .quantize = kWrite,
                 .option = "a scale with zero points",
                 .asked_for = has_zero_points(descriptor.scale)},
      CallTensor{.name = "sum",
                 .axes = "[M]",
                 .view = options.sum,
                 .type = vector_of(ElementKind::S32),
                 .columns = m,
                 .quantize = kWrite,
                 .option = "sums",
                 .asked_for = descriptor.sums},
  };
  TensorChecker checker(Pass::Quantize);
  Status status = checker.add(table);
  if (status.ok()) {
    status = add_source(checker, descriptor.source, options.source, activation, m, k);
  }
  if (status.ok()) {
    status = add_scale(checker, descriptor.scale, options.scale_from, kNames, compute, m);
  }
  if (status.ok() && output != nullptr) {
    status = checker.add(std::array{CallTensor{.name = "output",
                                               .axes = "[M, K]",
                                               .view = *output,
                                               .type = matrix_of(activation),
                                               .rows = m,
                                               .columns = k,
                                               .quantize = kWrite}});
  }
  return status.ok() ? checker.check_overlap() : status;
}

Status validate_row_sums(const char* name, ElementKind element, const TensorView& matrix,
                         const TensorView& sums) noexcept {
  const std::int64_t rows = std::max<std::int64_t>(matrix.shape[0], 0);
  const std::array table{
      CallTensor{.name = name,
                 .axes = "[rows, columns]",
                 .view = matrix,
                 .type = matrix_of(element),
                 .rows = rows,
                 .columns = std::max<std::int64_t>(matrix.shape[1], 0),
                 .multiply = kRead},
      CallTensor{.name = "sums",
                 .axes = "[rows]",
                 .view = sums,
                 .type = vector_of(ElementKind::S32),
                 .columns = rows,
                 .multiply = kWrite},
  };
  TensorChecker checker(Pass::Multiply);
  Status status = checker.add(table);
  return status.ok() ? checker.check_overlap() : status;
}

Status validate_fake_quantize(ElementKind activation, const TensorView& quantized,
                              const TensorView& scale, const TensorView& zero_point,
                              const TensorView& output) noexcept {
  const ElementKind compute = compute_kind(activation);
  const std::int64_t m = std::max<std::int64_t>(quantized.shape[0], 0);
  const std::int64_t k = std::max<std::int64_t>(quantized.shape[1], 0);
  const std::array table{
      CallTensor{.name = "quantized",
                 .axes = "[M, K]",
                 .view = quantized,
                 .type = matrix_of(ElementKind::S8),
                 .rows = m,
                 .columns = k,
                 .multiply = kRead},
      CallTensor{.name = "scale",
                 .axes = "[M]",
                 .view = scale,
                 .type = vector_of(compute),
                 .columns = m,
                 .multiply = kRead,
                 .or_one = true},
      CallTensor{.name = "zero_point",
                 .axes = "[M]",
                 .view = zero_point,
                 .type = vector_of(ElementKind::S8),
                 .columns = m,
                 .multiply = kRead,
                 .optional = true,
                 .or_one = true},
      CallTensor{.name = "output",
                 .axes = "[M, K]",
                 .view = output,
                 .type = matrix_of(activation),
                 .rows = m,
                 .columns = k,
                 .multiply = kWrite},
  };
  TensorChecker checker(Pass::Multiply);
  Status status = checker.add(table);
  return status.ok() ? checker.check_overlap() : status;
}

}  // namespace qlinear::detail
