#pragma once

#include <qlinear/problem.hpp>
#include <qlinear/tensor_view.hpp>

#include <cstdint>

// The tensors of a call without their types: all that the public templates' arguments become.

namespace qlinear::detail {

struct LinearTensors {
  TensorView activation;
  TensorView weight_q;
  TensorView weight_scale;
  TensorView output;
  TensorView act_q_scratch;
  TensorView act_scale_scratch;
  TensorView bias;
};

struct QuantizeTensors {
  TensorView activation;
  TensorView quantized;
  TensorView scale;
};

template <class TIn, class TWQ>
LinearTensors call_tensors(const QuantizedLinearArgs<TIn, TWQ>& args) noexcept {
  return {.activation = tensor_view(args.activation),
          .weight_q = tensor_view(args.weight_q),
          .weight_scale = tensor_view(args.weight_scale),
          .output = tensor_view(args.output),
          .act_q_scratch = tensor_view(args.act_q_scratch),
          .act_scale_scratch = tensor_view(args.act_scale_scratch),
          .bias = tensor_view(args.bias)};
}

template <class TIn, class TQ>
QuantizeTensors call_tensors(const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept {
  return {.activation = tensor_view(args.activation),
          .quantized = tensor_view(args.quantized),
          .scale = tensor_view(args.scale)};
}

/// The quantize pass of a linear layer.
inline QuantizeTensors quantize_tensors(const LinearTensors& tensors) noexcept {
  return {.activation = tensors.activation,
          .quantized = tensors.act_q_scratch,
          .scale = tensors.act_scale_scratch};
}

/// Row stride for the kernels: that of a lone row, or of rows without elements, means nothing and
/// may be anything.
inline std::int64_t row_stride(const TensorView& matrix) noexcept {
  return matrix.shape[0] > 1 && matrix.shape[1] > 0 ? matrix.stride[0] : matrix.shape[1];
}

}  // namespace qlinear::detail
