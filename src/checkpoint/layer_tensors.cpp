#include <base/floating_point_environment.hpp>
#include <checkpoint/failure.hpp>
#include <checkpoint/layer_tensors.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

namespace qlinear::checkpoint::detail {
namespace {

using Shape = std::vector<std::int64_t>;

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

void check_shape(const Tensor& tensor, std::initializer_list<Shape> expected) {
  if (std::find(expected.begin(), expected.end(), tensor.shape) != expected.end()) return;
  std::string shapes;
  for (const Shape& shape : expected) shapes += (shapes.empty() ? "" : " or ") + shape_text(shape);
  fail(tensor.where + " has the shape " + shape_text(tensor.shape) + "; expected " + shapes);
}

void check_dtype(const Tensor& tensor, std::initializer_list<Dtype> expected) {
  if (std::find(expected.begin(), expected.end(), tensor.dtype) != expected.end()) return;
  std::string names;
  for (const Dtype dtype : expected)
    names += (names.empty() ? "" : ", ") + std::string(to_string(dtype));
  fail(tensor.where + " is " + to_string(tensor.dtype) + "; expected one of " + names);
}

/// Finds tensors of one module.
class ModuleTensors {
 public:
  ModuleTensors(const TensorFiles& files, const std::string& module)
      : files_(files), module_(module) {}

  bool has(const char* suffix) const { return files_.contains(module_ + "." + suffix); }

  Tensor weight() const {
    Tensor tensor = find("weight");
    check_dtype(tensor, {Dtype::I8});
    if (tensor.shape.size() != 2 || tensor.bytes == 0) {
      fail(tensor.where + " has the shape " + shape_text(tensor.shape) + "; expected [N, K]");
    }
    return tensor;
  }
  Tensor floats(const char* suffix, std::initializer_list<Shape> shapes) const {
    Tensor tensor = find(suffix);
    check_dtype(tensor, {Dtype::F16, Dtype::BF16, Dtype::F32});
    check_shape(tensor, shapes);
    return tensor;
  }
  Tensor integers(const char* suffix, std::initializer_list<Shape> shapes) const {
    Tensor tensor = find(suffix);
    check_dtype(tensor, {Dtype::I8, Dtype::I16, Dtype::I32, Dtype::I64});
    check_shape(tensor, shapes);
    return tensor;
  }

 private:
  Tensor find(const char* suffix) const {
    Result<Tensor> found = files_.find(module_ + "." + suffix);
    if (!found.ok()) throw Failure(found.status());
    return std::move(found).value();
  }

  const TensorFiles& files_;
  const std::string& module_;
};

template <class T>
std::vector<std::int64_t> widened(const Tensor& tensor) {
  return {tensor.as<T>(), tensor.as<T>() + tensor.size()};
}

std::vector<S8> zero_points_of(const Tensor& tensor) {
  std::vector<std::int64_t> wide;
  switch (tensor.dtype) {
    case Dtype::I16:
      wide = widened<std::int16_t>(tensor);
      break;
    case Dtype::I32:
      wide = widened<std::int32_t>(tensor);
      break;
    case Dtype::I64:
      wide = widened<std::int64_t>(tensor);
      break;
    default:
      wide = widened<std::int8_t>(tensor);
  }
  std::vector<S8> result;
  result.reserve(wide.size());
  for (const std::int64_t value : wide) {
    if (value < -128 || value > 127) {
      fail(tensor.where + " holds " + std::to_string(value) + "; expected int8 values");
    }
    result.push_back(static_cast<S8>(value));
  }
  return result;
}

std::vector<float> floats_of(const Tensor& tensor) {
  Result<std::vector<float>> values = to_f32(tensor);
  if (!values.ok()) throw Failure(values.status());
  return std::move(values).value();
}

std::vector<float> scales_of(const Tensor& tensor) {
  std::vector<float> scales = floats_of(tensor);
  for (const float scale : scales) {
    if (!std::isfinite(scale) || scale < 0) {
      fail(tensor.where + " holds " + std::to_string(scale) + "; expected finite scales from 0 on");
    }
  }
  return scales;
}

template <class T>
void repeat_to(std::vector<T>& values, std::int64_t n) {
  if (values.size() == 1) values.resize(static_cast<std::size_t>(n), T(values.front()));
}

void read_zero_points(QuantizedLinear& layer, const Tensor& tensor, bool expected) {
  std::vector<S8> values = zero_points_of(tensor);
  if (std::all_of(values.begin(), values.end(), [](S8 value) { return value == 0; })) return;
  if (!expected) fail(tensor.where + " is not zeros, but the configuration says symmetric");
  repeat_to(values, layer.n);
  layer.weight_zero_point = std::move(values);
}

void read_static_scale(ActivationScheme& activation, const LayerTensors& tensors) {
  activation.scale = scales_of(*tensors.input_scale).front();
  if (activation.scale == 0) fail(tensors.input_scale->where + " is 0; expected a positive scale");
  if (!tensors.input_zero_point) return;
  activation.zero_point = zero_points_of(*tensors.input_zero_point).front();
  if (activation.symmetric && activation.zero_point != 0) {
    fail(tensors.input_zero_point->where + " is not 0, but the configuration says symmetric");
  }
}

}  // namespace

LayerTensors find_layer_tensors(const TensorFiles& files, const std::string& name,
                                const Scheme& scheme) {
  const ModuleTensors module(files, name);
  LayerTensors tensors;
  tensors.weight = module.weight();
  const std::int64_t n = tensors.n = tensors.weight.shape[0];
  const std::int64_t k = tensors.k = tensors.weight.shape[1];
  if (module.has("weight_g_idx")) {
    fail_unsupported(tensors.weight.where + " has its columns in another order (weight_g_idx)");
  }
  const std::initializer_list<Shape> of_row = {{n, 1}, {n}};
  const std::initializer_list<Shape> of_tensor = {{1}, {}, {1, 1}};
  const auto& shapes = scheme.scale_per_row ? of_row : of_tensor;
  tensors.scale = module.floats(scheme.scale_name, shapes);
  if (scheme.weight_zero_points || module.has("weight_zero_point")) {
    tensors.zero_point = module.integers("weight_zero_point", shapes);
  }
  if (scheme.activation.is_static || (scheme.static_if_scale_given && module.has("input_scale"))) {
    tensors.input_scale = module.floats("input_scale", of_tensor);
    if (!scheme.activation.symmetric || module.has("input_zero_point")) {
      tensors.input_zero_point = module.integers("input_zero_point", of_tensor);
    }
  }
  if (scheme.column_factor && module.has("pre_quant_scale")) {
    tensors.column_factor = module.floats("pre_quant_scale", {{k}});
  }
  if (module.has("bias")) tensors.bias = module.floats("bias", {{n}});
  return tensors;
}

QuantizedLinear layer_of(const LayerTensors& tensors, const Scheme& scheme) {
  return qlinear::detail::with_default_floating_point([&] {
    QuantizedLinear layer;
    layer.n = tensors.n;
    layer.k = tensors.k;
    layer.weight = {tensors.weight.data, tensors.weight.as<S8>()};
    layer.weight_scale = scales_of(tensors.scale);
    repeat_to(layer.weight_scale, layer.n);
    if (tensors.zero_point) {
      read_zero_points(layer, *tensors.zero_point, scheme.weight_zero_points);
    }
    layer.activation = scheme.activation;
    if (tensors.input_scale) {
      layer.activation.is_static = true;
      layer.activation.q_min = -128;
      read_static_scale(layer.activation, tensors);
    }
    if (tensors.column_factor) layer.column_factor = floats_of(*tensors.column_factor);
    if (tensors.bias) layer.bias = floats_of(*tensors.bias);
    return layer;
  });
}

}  // namespace qlinear::checkpoint::detail
