#include <qlinear/checkpoint/layer.hpp>

#include <base/floating_point_environment.hpp>
#include <checkpoint/failure.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace qlinear::checkpoint {
namespace {

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

std::shared_ptr<const S8> shared(std::vector<S8> values) {
  const auto owner = std::make_shared<const std::vector<S8>>(std::move(values));
  return {owner, owner->data()};
}

bool same_kind(const ActivationScheme& a, const ActivationScheme& b) {
  return a.is_static == b.is_static && a.symmetric == b.symmetric && a.q_min == b.q_min &&
         a.q_max == b.q_max;
}

std::string layer_text(std::size_t i) { return "layer " + std::to_string(i); }

void check_some(const std::vector<QuantizedLinear>& layers) {
  if (layers.empty()) detail::fail("no layers are given; pass at least one");
}

void check_joinable(const QuantizedLinear& first, const QuantizedLinear& other, std::size_t i) {
  if (other.k != first.k) {
    detail::fail(layer_text(i) + " has K = " + std::to_string(other.k) + ", but layer 0 has " +
                 std::to_string(first.k) + "; join layers that read the same activation");
  }
  const ActivationScheme& a = first.activation;
  const ActivationScheme& b = other.activation;
  if (!same_kind(a, b)) {
    detail::fail_unsupported(layer_text(i) +
                             " quantizes its activation in another way than layer 0; run them as "
                             "layers of their own");
  }
  if (a.is_static && !a.symmetric && (a.scale != b.scale || a.zero_point != b.zero_point)) {
    detail::fail_unsupported(layer_text(i) +
                             " has another static scale or zero point than layer "
                             "0; run them as layers of their own");
  }
  if (first.column_factor != other.column_factor) {
    detail::fail_unsupported(layer_text(i) +
                             " has other column factors than layer 0; run them as layers of their "
                             "own");
  }
}

/// Appends the values of a layer, or zeros where it has none and another one has.
template <class T>
void append(std::vector<T>& to, const std::vector<T>& values, bool some_layer_has, std::int64_t n) {
  if (!values.empty()) {
    to.insert(to.end(), values.begin(), values.end());
  } else if (some_layer_has) {
    to.resize(to.size() + size_of(n), T(0));
  }
}

bool any_has_bias(const std::vector<QuantizedLinear>& layers) {
  return std::any_of(layers.begin(), layers.end(), [](const auto& l) { return !l.bias.empty(); });
}

bool any_has_zero_points(const std::vector<QuantizedLinear>& layers) {
  return std::any_of(layers.begin(), layers.end(),
                     [](const auto& l) { return !l.weight_zero_point.empty(); });
}

QuantizedLinear joined(const std::vector<QuantizedLinear>& layers) {
  const QuantizedLinear& first = layers.front();
  const bool bias = any_has_bias(layers);
  const bool zero_points = any_has_zero_points(layers);
  QuantizedLinear result;
  result.k = first.k;
  result.activation = first.activation;
  result.column_factor = first.column_factor;
  std::vector<S8> weight;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const QuantizedLinear& layer = layers[i];
    check_joinable(first, layer, i);
    result.n += layer.n;
    weight.insert(weight.end(), layer.weight.get(), layer.weight.get() + layer.n * layer.k);
    append(result.weight_scale, layer.weight_scale, false, layer.n);
    append(result.weight_zero_point, layer.weight_zero_point, zero_points, layer.n);
    append(result.bias, layer.bias, bias, layer.n);
    result.activation.scale = std::max(result.activation.scale, layer.activation.scale);
  }
  result.weight = shared(std::move(weight));
  return result;
}

void check_slice(std::int64_t begin, std::int64_t end, std::int64_t size, const char* what) {
  if (begin < 0 || begin >= end || end > size) {
    detail::fail(std::string("the slice from ") + std::to_string(begin) + " to " +
                 std::to_string(end) + " is not within the " + std::to_string(size) + " " + what +
                 "; pass 0 <= begin < end <= " + std::to_string(size));
  }
}

template <class T>
std::vector<T> part_of(const std::vector<T>& values, std::int64_t begin, std::int64_t end) {
  if (values.empty()) return {};
  return {values.begin() + begin, values.begin() + end};
}

}  // namespace

QuantizedLinearDescriptor descriptor_of(const QuantizedLinear& layer, std::int64_t m) noexcept {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = m;
  descriptor.c_out = layer.n;
  descriptor.k = layer.k;
  descriptor.q_min = layer.activation.q_min;
  descriptor.q_max = layer.activation.q_max;
  if (!layer.column_factor.empty()) descriptor.source.kind = SourceKind::ColumnFactor;
  if (layer.activation.is_static) {
    descriptor.scale.kind = ScaleKind::Static;
    descriptor.scale.zero_points = !layer.activation.symmetric;
  } else if (!layer.activation.symmetric) {
    descriptor.scale.kind = ScaleKind::DynamicAsymmetric;
  }
  descriptor.weight_zero_points = !layer.weight_zero_point.empty();
  return descriptor;
}

Result<QuantizedLinear> concatenate_rows(const std::vector<QuantizedLinear>& layers) noexcept {
  return detail::without_exceptions([&]() -> Result<QuantizedLinear> {
    check_some(layers);
    return qlinear::detail::with_default_floating_point([&] { return joined(layers); });
  });
}

Result<QuantizedLinear> slice_rows(const QuantizedLinear& layer, std::int64_t begin,
                                   std::int64_t end) noexcept {
  return detail::without_exceptions([&]() -> Result<QuantizedLinear> {
    check_slice(begin, end, layer.n, "rows");
    QuantizedLinear part = layer;
    part.n = end - begin;
    part.weight = {layer.weight, layer.weight.get() + begin * layer.k};
    part.weight_scale = part_of(layer.weight_scale, begin, end);
    part.weight_zero_point = part_of(layer.weight_zero_point, begin, end);
    part.bias = part_of(layer.bias, begin, end);
    return part;
  });
}

Result<QuantizedLinear> slice_columns(const QuantizedLinear& layer, std::int64_t begin,
                                      std::int64_t end) noexcept {
  return detail::without_exceptions([&]() -> Result<QuantizedLinear> {
    check_slice(begin, end, layer.k, "columns");
    QuantizedLinear part = layer;
    part.k = end - begin;
    std::vector<S8> weight;
    weight.reserve(size_of(part.n) * size_of(part.k));
    for (std::int64_t row = 0; row < layer.n; ++row) {
      const S8* elements = layer.weight.get() + row * layer.k;
      weight.insert(weight.end(), elements + begin, elements + end);
    }
    part.weight = shared(std::move(weight));
    part.column_factor = part_of(layer.column_factor, begin, end);
    if (begin != 0) part.bias.clear();
    return part;
  });
}

Result<StackedExperts> stack_experts(const std::vector<QuantizedLinear>& layers) noexcept {
  return detail::without_exceptions([&]() -> Result<StackedExperts> {
    check_some(layers);
    const QuantizedLinear& first = layers.front();
    const bool bias = any_has_bias(layers);
    const bool zero_points = any_has_zero_points(layers);
    StackedExperts stacked;
    stacked.experts = static_cast<std::int64_t>(layers.size());
    stacked.n = first.n;
    stacked.k = first.k;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const QuantizedLinear& layer = layers[i];
      if (layer.n != first.n || layer.k != first.k) {
        detail::fail(layer_text(i) + " has N = " + std::to_string(layer.n) + " and K = " +
                     std::to_string(layer.k) + ", but layer 0 has " + std::to_string(first.n) +
                     " and " + std::to_string(first.k) + "; stack layers of one size");
      }
      if (!layer.column_factor.empty() || !same_kind(layer.activation, first.activation)) {
        detail::fail_unsupported(layer_text(i) +
                                 " has column factors, or quantizes its activation in another way "
                                 "than layer 0; run it as a layer of its own");
      }
      stacked.weight.insert(stacked.weight.end(), layer.weight.get(),
                            layer.weight.get() + layer.n * layer.k);
      append(stacked.weight_scale, layer.weight_scale, false, layer.n);
      append(stacked.weight_zero_point, layer.weight_zero_point, zero_points, layer.n);
      append(stacked.bias, layer.bias, bias, layer.n);
      stacked.activation.push_back(layer.activation);
    }
    return stacked;
  });
}

}  // namespace qlinear::checkpoint
