#pragma once

#include "real_layer.hpp"
#include "support/element.hpp"
#include "weight_quantization.hpp"

#include <qlinear/problem.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

namespace qlinear::quick_start {

/// What a quantized linear layer of one type pair reads, in host memory.
template <class TIn, class TWQ>
struct QuantizedLayer {
  QuantizedLinearDescriptor descriptor;
  std::vector<TIn> activation;             ///< [m, k]
  std::vector<TWQ> weight_q;               ///< [c_out, k]
  std::vector<scale_t<TIn>> weight_scale;  ///< [c_out]
  std::vector<TIn> bias;                   ///< [c_out]
};

template <class T>
std::vector<T> rounded_to(const std::vector<double>& values) {
  std::vector<T> rounded;
  rounded.reserve(values.size());
  std::transform(values.begin(), values.end(), std::back_inserter(rounded), test::from_double<T>);
  return rounded;
}

template <class T>
std::vector<double> to_doubles(const std::vector<T>& values) {
  std::vector<double> doubles(values.size());
  std::transform(values.begin(), values.end(), doubles.begin(), test::to_double<T>);
  return doubles;
}

template <class T>
std::vector<std::byte> to_bytes(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class TIn, class TWQ>
QuantizedLayer<TIn, TWQ> quantize_layer(const RealLayer& layer) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = layer.m;
  descriptor.c_out = layer.c_out;
  descriptor.k = layer.k;
  descriptor.activation_element = element_kind_v<TIn>;
  descriptor.weight_element = element_kind_v<TWQ>;
  QuantizedWeight<TWQ> weight = quantize_per_channel<TWQ>(layer.weight, layer.k);
  return {descriptor, rounded_to<TIn>(layer.activation), std::move(weight.q),
          rounded_to<scale_t<TIn>>(weight.scale), rounded_to<TIn>(layer.bias)};
}

/// A layer's tensors, copied to where they are needed: `Array` is `std::vector` for the CPU
/// reference and `DeviceArray` for a plan.
template <template <class...> class Array, class TIn, class TWQ>
struct LayerTensors {
  explicit LayerTensors(const QuantizedLayer<TIn, TWQ>& layer)
      : descriptor(layer.descriptor),
        activation(layer.activation),
        weight_q(layer.weight_q),
        weight_scale(layer.weight_scale),
        bias(layer.bias),
        output(static_cast<std::size_t>(descriptor.m * descriptor.c_out)),
        act_q(static_cast<std::size_t>(descriptor.m * descriptor.k)),
        act_scale(static_cast<std::size_t>(descriptor.m)) {}

  QuantizedLinearArgs<TIn, TWQ> args() {
    const auto [m, c_out, k] = std::tuple(descriptor.m, descriptor.c_out, descriptor.k);
    return {{activation.data(), {m, k}, {k, 1}}, {weight_q.data(), {c_out, k}, {k, 1}},
            {weight_scale.data(), {c_out}, {1}}, {output.data(), {m, c_out}, {c_out, 1}},
            {act_q.data(), {m, k}, {k, 1}},      {act_scale.data(), {m}, {1}},
            {bias.data(), {c_out}, {1}}};
  }

  QuantizedLinearDescriptor descriptor;
  Array<TIn> activation;
  Array<TWQ> weight_q;
  Array<scale_t<TIn>> weight_scale;
  Array<TIn> bias;
  Array<TIn> output;
  Array<S8> act_q;
  Array<scale_t<TIn>> act_scale;
};

}  // namespace qlinear::quick_start
