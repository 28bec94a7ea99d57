#pragma once

#include "activation.hpp"
#include "elements.hpp"
#include "source.hpp"

#include <qlinear/problem.hpp>

#include <cmath>
#include <cstdint>

// From quantized rows to the output: the integer product, its dequantization, and what the epilogue
// makes of it.

namespace qlinear::reference::steps {

/// The activation that is multiplied: what the quantize pass wrote, or what was given.
template <class TIn>
struct QuantizedActivation {
  TensorRef<S8, 2> q;
  TensorRef<scale_t<TIn>, 1> scale;  ///< [M] or [1]
  TensorRef<S8, 1> zero_point;       ///< [M] or [1], with zero points of the activation.
  TensorRef<std::int32_t, 1> sum;    ///< [M], with zero points of the weight.
};

template <class TIn, class TWQ>
QuantizedActivation<TIn> quantized_activation(const QuantizedLinearDescriptor& descriptor,
                                              const QuantizedLinearArgs<TIn, TWQ>& args) {
  if (descriptor.scale.kind == ScaleKind::Given) {
    return {args.given.q, args.given.scale, args.given.zero_point, args.given.sum};
  }
  return {args.act_q_scratch, args.act_scale_scratch, args.zero_points.act_zero_point_scratch,
          args.zero_points.act_sum_scratch};
}

/// An integer modulo 2^32. Sums of these are exact as long as the result fits int32, whatever the
/// sums on the way.
template <class Integer>
std::uint32_t modular(Integer value) {
  return static_cast<std::uint32_t>(std::int64_t{value});
}

/// Returns `sum_k q[k] * w[k]`.
template <class TWQ>
std::uint32_t dot(const S8* q, const TWQ* w, std::int64_t k_count) {
  std::uint32_t sum = 0;
  for (std::int64_t k = 0; k < k_count; ++k)
    sum += modular(std::int32_t{q[k]} * std::int32_t{w[k]});
  return sum;
}

/// Returns the sum of the elements.
template <class T>
std::int32_t sum_of(const T* elements, std::int64_t count) {
  std::uint32_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += modular(elements[i]);
  return static_cast<std::int32_t>(sum);
}

/// Returns `sum_k (q[m,k] - za[m]) * (w[n,k] - zw[n])`.
template <class TIn, class TWQ>
std::int32_t accumulated(const QuantizedLinearDescriptor& descriptor,
                         const QuantizedActivation<TIn>& activation,
                         const QuantizedLinearArgs<TIn, TWQ>& args, std::int64_t m,
                         std::int64_t n) {
  const bool has_za = has_zero_points(descriptor.scale);
  const bool has_zw = descriptor.weight_zero_points;
  const std::uint32_t za = has_za ? modular(element_or_only(activation.zero_point, m)) : 0;
  const std::uint32_t zw = has_zw ? modular(args.zero_points.weight_zero_point.data[n]) : 0;
  std::uint32_t acc = dot(row(activation.q, m), row(args.weight_q, n), descriptor.k);
  if (has_za) acc -= za * modular(args.zero_points.weight_sum.data[n]);
  if (has_zw) acc -= zw * modular(activation.sum.data[m]);
  acc += modular(descriptor.k) * za * zw;
  return static_cast<std::int32_t>(acc);
}

/// `y`, before it is stored.
template <class TIn, class TWQ>
scale_t<TIn> dequantized(const QuantizedLinearDescriptor& descriptor,
                         const QuantizedActivation<TIn>& activation,
                         const QuantizedLinearArgs<TIn, TWQ>& args, std::int64_t m,
                         std::int64_t n) {
  using C = scale_t<TIn>;
  const C acc = static_cast<C>(accumulated(descriptor, activation, args, m, n));
  const C s = element_or_only(activation.scale, m) * args.weight_scale.data[n];
  return args.bias.data ? std::fma(s, acc, widen(args.bias.data[n])) : s * acc;
}

/// `T(y)` after the steps that `descriptor` asks for, each of which rounds to T.
template <class TIn>
scale_t<TIn> finished(const EpilogueDescriptor& descriptor, const EpilogueTensors<TIn>& tensors,
                      scale_t<TIn> y, std::int64_t m, std::int64_t n) {
  using C = scale_t<TIn>;
  C value = rounded_to<TIn>(y);
  if (descriptor.activation != ActivationFunction::None) {
    value = rounded_to<TIn>(activate(descriptor.activation, value));
  }
  if (descriptor.routing_weight) {
    value = rounded_to<TIn>(value * tensors.routing_weight.data[m]);
  }
  if (descriptor.residual) {
    value = rounded_to<TIn>(value + widen(row(tensors.residual, m)[n]));
  }
  return value;
}

template <class TIn, class TWQ>
void multiply(const QuantizedLinearDescriptor& descriptor,
              const QuantizedLinearArgs<TIn, TWQ>& args) {
  const auto activation = quantized_activation(descriptor, args);
  const EpilogueDescriptor& epilogue = descriptor.epilogue;
  const auto [m_count, n_count] = args.output.shape;
  for (std::int64_t m = 0; m < m_count; ++m) {
    TIn* const output = row(args.output, m);
    for (std::int64_t n = 0; n < n_count; ++n) {
      const auto y = [&](std::int64_t channel) {
        return dequantized(descriptor, activation, args, m, channel);
      };
      const auto value = epilogue.gated ? gated<TIn>(epilogue.activation, rounded_to<TIn>(y(n)),
                                                     rounded_to<TIn>(y(n_count + n)))
                                        : finished(epilogue, args.epilogue, y(n), m, n);
      store(value, output[n]);
    }
  }
}

}  // namespace qlinear::reference::steps
