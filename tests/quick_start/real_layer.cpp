#include "real_layer.hpp"

#include "support/element.hpp"

#include <cuda_fp16.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>

namespace qlinear::quick_start {

std::vector<double> f16_values(const test::SafetensorsTensor& tensor) {
  std::vector<double> values(tensor.bytes.size() / sizeof(__half));
  for (std::size_t i = 0; i < values.size(); ++i) {
    __half value;
    std::memcpy(&value, tensor.bytes.data() + i * sizeof value, sizeof value);
    values[i] = test::to_double(value);
  }
  return values;
}

test::SafetensorsTensor f16_tensor(const test::SafetensorsFile& file, const std::string& name,
                                   std::size_t rank) {
  test::SafetensorsTensor tensor = file.tensor(name);
  if (tensor.dtype != "F16" || tensor.shape.size() != rank || tensor.bytes.empty()) {
    throw std::runtime_error("tensor \"" + name + "\" is " + tensor.dtype + " of rank " +
                             std::to_string(tensor.shape.size()) + " and " +
                             std::to_string(tensor.bytes.size()) + " bytes, expected F16 of rank " +
                             std::to_string(rank) + " and at least one element");
  }
  return tensor;
}

namespace {

std::string source_of(const test::SafetensorsFile& file) {
  const auto found = file.metadata().find("source");
  return found == file.metadata().end() ? "a layer of unknown source" : found->second;
}

}  // namespace

RealLayer read_layer(const std::filesystem::path& path) {
  const auto file = test::SafetensorsFile::read(path);
  const test::SafetensorsTensor activation = f16_tensor(file, "activation", 2);
  const test::SafetensorsTensor weight = f16_tensor(file, "weight", 2);
  const test::SafetensorsTensor bias = f16_tensor(file, "bias", 1);
  if (activation.shape[1] != weight.shape[1] || bias.shape[0] != weight.shape[0]) {
    throw std::runtime_error("activation [M,K], weight [C_out,K] and bias [C_out] do not agree");
  }
  RealLayer layer;
  layer.source = source_of(file);
  layer.m = activation.shape[0];
  layer.c_out = weight.shape[0];
  layer.k = weight.shape[1];
  layer.activation = f16_values(activation);
  layer.weight = f16_values(weight);
  layer.bias = f16_values(bias);
  return layer;
}

RealLayer with_non_negative_weight(RealLayer layer) {
  for (auto row = layer.weight.begin(); row != layer.weight.end(); row += layer.k) {
    const double minimum = *std::min_element(row, row + layer.k);
    std::for_each(row, row + layer.k, [=](double& weight) { weight -= minimum; });
  }
  return layer;
}

std::vector<double> f64_product(const RealLayer& layer) {
  std::vector<double> output;
  output.reserve(static_cast<std::size_t>(layer.m * layer.c_out));
  for (std::int64_t row = 0; row < layer.m; ++row) {
    const double* x = layer.activation.data() + row * layer.k;
    for (std::int64_t channel = 0; channel < layer.c_out; ++channel) {
      const double* w = layer.weight.data() + channel * layer.k;
      output.push_back(
          std::inner_product(x, x + layer.k, w, layer.bias[static_cast<std::size_t>(channel)]));
    }
  }
  return output;
}

}  // namespace qlinear::quick_start
