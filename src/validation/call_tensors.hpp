#pragma once

#include <qlinear/problem.hpp>
#include <qlinear/tensor_view.hpp>

#include <cstdint>
#include <optional>

// The tensors of a call without their types: all that the public templates' arguments become.

namespace qlinear::detail {

struct SourceViews {
  TensorView column_factor;
  TensorView norm_weight;
  TensorView norm_bias;
  TensorView residual;
  TensorView residual_out;
  TensorView normed_out;
};

struct ScaleViews {
  TensorView range_max;
  TensorView range_min;
  TensorView scale;
  TensorView zero_point;
};

struct GivenViews {
  TensorView q;
  TensorView scale;
  TensorView zero_point;
  TensorView sum;
};

struct EpilogueViews {
  TensorView routing_weight;
  TensorView residual;
};

/// What a quantize pass may have beside activation, q and scale.
struct QuantizeOptionViews {
  SourceViews source;
  ScaleViews scale_from;
  TensorView zero_point;
  TensorView sum;
};

/// What a layer may have beside those tensors that every layer has.
struct LinearOptionViews {
  QuantizeOptionViews quantize;
  GivenViews given;
  TensorView weight_sum;
  TensorView weight_zero_point;
  EpilogueViews epilogue;
};

/// The tensors of a quantize pass, alone or in a layer, where they are.
struct QuantizeOperands {
  const TensorView& activation;
  const TensorView& quantized;
  const TensorView& scale;
  const QuantizeOptionViews& options;
};

/// Whether a view is that of no tensor.
inline bool is_absent(const TensorView& view) noexcept {
  return view.data == nullptr && view.shape[0] == 0;
}

/// Whether arguments are value-initialised. A matrix without rows may be absent, but has columns
/// for a check to see.
template <class... Tensors>
bool all_unset(const Tensors&... tensors) noexcept {
  const auto is_unset = [](const auto& tensor) {
    std::int64_t sizes = 0;
    for (const std::int64_t size : tensor.shape) sizes |= size;
    return tensor.data == nullptr && sizes == 0;
  };
  return (is_unset(tensors) && ...);
}

template <class TIn>
bool is_unset(const SourceTensors<TIn>& t) noexcept {
  return all_unset(t.column_factor, t.norm_weight, t.norm_bias, t.residual, t.residual_out,
                   t.normed_out);
}
template <class TIn>
bool is_unset(const ScaleTensors<TIn>& t) noexcept {
  return all_unset(t.range_max, t.range_min, t.scale, t.zero_point);
}
template <class TIn>
bool is_unset(const GivenActivation<TIn>& t) noexcept {
  return all_unset(t.q, t.scale, t.zero_point, t.sum);
}
template <class TWQ>
bool is_unset(const ZeroPointTensors<TWQ>& t) noexcept {
  return all_unset(t.act_zero_point_scratch, t.act_sum_scratch, t.weight_sum, t.weight_zero_point);
}
template <class TIn>
bool is_unset(const EpilogueTensors<TIn>& t) noexcept {
  return all_unset(t.routing_weight, t.residual);
}

template <class TIn>
constexpr SourceViews views(const SourceTensors<TIn>& tensors) noexcept {
  return {.column_factor = tensor_view(tensors.column_factor),
          .norm_weight = tensors.norm_weight,
          .norm_bias = tensors.norm_bias,
          .residual = tensors.residual,
          .residual_out = tensors.residual_out,
          .normed_out = tensor_view(tensors.normed_out)};
}

template <class TIn>
constexpr ScaleViews views(const ScaleTensors<TIn>& tensors) noexcept {
  return {.range_max = tensor_view(tensors.range_max),
          .range_min = tensor_view(tensors.range_min),
          .scale = tensor_view(tensors.scale),
          .zero_point = tensor_view(tensors.zero_point)};
}

template <class TIn>
constexpr GivenViews views(const GivenActivation<TIn>& tensors) noexcept {
  return {.q = tensor_view(tensors.q),
          .scale = tensor_view(tensors.scale),
          .zero_point = tensor_view(tensors.zero_point),
          .sum = tensor_view(tensors.sum)};
}

template <class TIn>
constexpr EpilogueViews views(const EpilogueTensors<TIn>& tensors) noexcept {
  return {.routing_weight = tensor_view(tensors.routing_weight),
          .residual = tensor_view(tensors.residual)};
}

template <class TIn, class TWQ>
constexpr LinearOptionViews option_views(const QuantizedLinearArgs<TIn, TWQ>& args) noexcept {
  const auto& zero_points = args.zero_points;
  return {.quantize = {.source = views(args.source),
                       .scale_from = views(args.scale),
                       .zero_point = tensor_view(zero_points.act_zero_point_scratch),
                       .sum = tensor_view(zero_points.act_sum_scratch)},
          .given = views(args.given),
          .weight_sum = tensor_view(zero_points.weight_sum),
          .weight_zero_point = tensor_view(zero_points.weight_zero_point),
          .epilogue = views(args.epilogue)};
}

template <class TIn, class TQ>
constexpr QuantizeOptionViews option_views(const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept {
  return {.source = views(args.source),
          .scale_from = views(args.scale_from),
          .zero_point = tensor_view(args.zero_point),
          .sum = tensor_view(args.sum)};
}

template <class TIn, class TWQ>
bool has_options(const QuantizedLinearArgs<TIn, TWQ>& args) noexcept {
  return !(is_unset(args.source) && is_unset(args.scale) && is_unset(args.given) &&
           is_unset(args.zero_points) && is_unset(args.epilogue));
}

template <class TIn, class TQ>
bool has_options(const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept {
  return !(is_unset(args.source) && is_unset(args.scale_from) &&
           all_unset(args.zero_point, args.sum));
}

/// The tensors of a layer. `options` has a value only where one of its tensors exists: their views
/// are most of a call's, and a plain layer should not pay for them. An aggregate would fill them
/// with zeros nevertheless.
struct LinearTensors {
  LinearTensors() noexcept = default;
  template <class TIn, class TWQ>
  explicit LinearTensors(const QuantizedLinearArgs<TIn, TWQ>& args) noexcept
      : activation(tensor_view(args.activation)),
        weight_q(tensor_view(args.weight_q)),
        weight_scale(tensor_view(args.weight_scale)),
        output(tensor_view(args.output)),
        act_q_scratch(tensor_view(args.act_q_scratch)),
        act_scale_scratch(tensor_view(args.act_scale_scratch)),
        bias(tensor_view(args.bias)) {
    if (has_options(args)) options = option_views(args);
  }

  TensorView activation;
  TensorView weight_q;
  TensorView weight_scale;
  TensorView output;
  TensorView act_q_scratch;
  TensorView act_scale_scratch;
  TensorView bias;
  std::optional<LinearOptionViews> options;
};

/// Those of a quantize pass alone, likewise.
struct QuantizeTensors {
  QuantizeTensors() noexcept = default;
  template <class TIn, class TQ>
  explicit QuantizeTensors(const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept
      : activation(tensor_view(args.activation)),
        quantized(tensor_view(args.quantized)),
        scale(tensor_view(args.scale)) {
    if (has_options(args)) options = option_views(args);
  }

  TensorView activation;
  TensorView quantized;
  TensorView scale;
  std::optional<QuantizeOptionViews> options;
};

template <class TIn, class TWQ>
LinearTensors call_tensors(const QuantizedLinearArgs<TIn, TWQ>& args) noexcept {
  return LinearTensors(args);
}
template <class TIn, class TQ>
QuantizeTensors call_tensors(const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept {
  return QuantizeTensors(args);
}

/// The options of calls without any.
inline constexpr LinearOptionViews kNoOptions{};

inline const LinearOptionViews& options_of(const LinearTensors& tensors) noexcept {
  return tensors.options ? *tensors.options : kNoOptions;
}
inline const QuantizeOptionViews& options_of(const QuantizeTensors& tensors) noexcept {
  return tensors.options ? *tensors.options : kNoOptions.quantize;
}

/// The quantize pass of a linear layer.
inline DynamicRangeQuantizeDescriptor quantize_descriptor(
    const QuantizedLinearDescriptor& descriptor) {
  return {.m = descriptor.m,
          .k = descriptor.k,
          .q_min = descriptor.q_min,
          .q_max = descriptor.q_max,
          .activation_element = descriptor.activation_element,
          .quantized_element = ElementKind::S8,
          .source = descriptor.source,
          .scale = descriptor.scale,
          .sums = descriptor.weight_zero_points};
}

/// Its tensors, in `tensors`.
inline QuantizeOperands quantize_operands(const LinearTensors& tensors) noexcept {
  return {tensors.activation, tensors.act_q_scratch, tensors.act_scale_scratch,
          options_of(tensors).quantize};
}
inline QuantizeOperands quantize_operands(const QuantizeTensors& tensors) noexcept {
  return {tensors.activation, tensors.quantized, tensors.scale, options_of(tensors)};
}

/// Row stride for the kernels: that of a lone row, or of rows without elements, means nothing and
/// may be anything.
inline std::int64_t row_stride(const TensorView& matrix) noexcept {
  return matrix.shape[0] > 1 && matrix.shape[1] > 0 ? matrix.stride[0] : matrix.shape[1];
}

/// Step from the element of a row to that of the next: 0 for a vector of one element, which serves
/// every row.
inline std::int64_t step_over_rows(const TensorView& vector) noexcept {
  return vector.shape[0] == 1 ? 0 : 1;
}

}  // namespace qlinear::detail
