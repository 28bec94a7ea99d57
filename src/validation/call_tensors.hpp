#pragma once

#include <qlinear/problem.hpp>
#include <qlinear/tensor_view.hpp>

#include <cstdint>

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

struct ZeroPointViews {
  TensorView act_zero_point_scratch;
  TensorView act_sum_scratch;
  TensorView weight_sum;
  TensorView weight_zero_point;
};

struct EpilogueViews {
  TensorView routing_weight;
  TensorView residual;
};

struct LinearTensors {
  TensorView activation;
  TensorView weight_q;
  TensorView weight_scale;
  TensorView output;
  TensorView act_q_scratch;
  TensorView act_scale_scratch;
  TensorView bias;
  SourceViews source;
  ScaleViews scale;
  GivenViews given;
  ZeroPointViews zero_points;
  EpilogueViews epilogue;
};

struct QuantizeTensors {
  TensorView activation;
  TensorView quantized;
  TensorView scale;
  SourceViews source;
  ScaleViews scale_from;
  TensorView zero_point;
  TensorView sum;
};

template <class TIn>
SourceViews views(const SourceTensors<TIn>& tensors) noexcept {
  return {.column_factor = tensor_view(tensors.column_factor),
          .norm_weight = tensors.norm_weight,
          .norm_bias = tensors.norm_bias,
          .residual = tensors.residual,
          .residual_out = tensors.residual_out,
          .normed_out = tensor_view(tensors.normed_out)};
}

template <class TIn>
ScaleViews views(const ScaleTensors<TIn>& tensors) noexcept {
  return {.range_max = tensor_view(tensors.range_max),
          .range_min = tensor_view(tensors.range_min),
          .scale = tensor_view(tensors.scale),
          .zero_point = tensor_view(tensors.zero_point)};
}

template <class TIn>
GivenViews views(const GivenActivation<TIn>& tensors) noexcept {
  return {.q = tensor_view(tensors.q),
          .scale = tensor_view(tensors.scale),
          .zero_point = tensor_view(tensors.zero_point),
          .sum = tensor_view(tensors.sum)};
}

template <class TWQ>
ZeroPointViews views(const ZeroPointTensors<TWQ>& tensors) noexcept {
  return {.act_zero_point_scratch = tensor_view(tensors.act_zero_point_scratch),
          .act_sum_scratch = tensor_view(tensors.act_sum_scratch),
          .weight_sum = tensor_view(tensors.weight_sum),
          .weight_zero_point = tensor_view(tensors.weight_zero_point)};
}

template <class TIn>
EpilogueViews views(const EpilogueTensors<TIn>& tensors) noexcept {
  return {.routing_weight = tensor_view(tensors.routing_weight),
          .residual = tensor_view(tensors.residual)};
}

template <class TIn, class TWQ>
LinearTensors call_tensors(const QuantizedLinearArgs<TIn, TWQ>& args) noexcept {
  return {.activation = tensor_view(args.activation),
          .weight_q = tensor_view(args.weight_q),
          .weight_scale = tensor_view(args.weight_scale),
          .output = tensor_view(args.output),
          .act_q_scratch = tensor_view(args.act_q_scratch),
          .act_scale_scratch = tensor_view(args.act_scale_scratch),
          .bias = tensor_view(args.bias),
          .source = views(args.source),
          .scale = views(args.scale),
          .given = views(args.given),
          .zero_points = views(args.zero_points),
          .epilogue = views(args.epilogue)};
}

template <class TIn, class TQ>
QuantizeTensors call_tensors(const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept {
  return {.activation = tensor_view(args.activation),
          .quantized = tensor_view(args.quantized),
          .scale = tensor_view(args.scale),
          .source = views(args.source),
          .scale_from = views(args.scale_from),
          .zero_point = tensor_view(args.zero_point),
          .sum = tensor_view(args.sum)};
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

/// Its tensors.
inline QuantizeTensors quantize_tensors(const LinearTensors& tensors) noexcept {
  return {.activation = tensors.activation,
          .quantized = tensors.act_q_scratch,
          .scale = tensors.act_scale_scratch,
          .source = tensors.source,
          .scale_from = tensors.scale,
          .zero_point = tensors.zero_points.act_zero_point_scratch,
          .sum = tensors.zero_points.act_sum_scratch};
}

/// Row stride for the kernels: that of a lone row, or of rows without elements, means nothing and
/// may be anything.
inline std::int64_t row_stride(const TensorView& matrix) noexcept {
  return matrix.shape[0] > 1 && matrix.shape[1] > 0 ? matrix.stride[0] : matrix.shape[1];
}

}  // namespace qlinear::detail
