#pragma once

#include <checkpoint/layer_rules.hpp>

#include <qlinear/checkpoint/layer.hpp>
#include <qlinear/checkpoint/safetensors.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace qlinear::checkpoint::detail {

/// The tensors of one layer, whose dtypes and shapes are those of its scheme.
struct LayerTensors {
  std::int64_t n = 0;
  std::int64_t k = 0;
  Tensor weight;
  Tensor scale;
  std::optional<Tensor> zero_point;
  std::optional<Tensor> input_scale;
  std::optional<Tensor> input_zero_point;
  std::optional<Tensor> column_factor;
  std::optional<Tensor> bias;
};

/// Finds the tensors of the module `name`. Fails for one that is missing, or of another dtype or
/// shape than `scheme` says.
LayerTensors find_layer_tensors(const TensorFiles& files, const std::string& name,
                                const Scheme& scheme);

/// The layer that `tensors` are.
QuantizedLinear layer_of(const LayerTensors& tensors, const Scheme& scheme);

}  // namespace qlinear::checkpoint::detail
