#include "encoder.hpp"

#include "quick_start/require.hpp"
#include "support/device.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <string>

namespace qlinear::encoder {
namespace {

using checkpoint::Checkpoint;
using quick_start::DeviceArray;
using quick_start::require;

template <class T>
T setting(const Checkpoint& checkpoint, const char* name) {
  const auto config = nlohmann::json::parse(checkpoint.config());
  if (!config.contains(name)) throw std::runtime_error(std::string("config.json lacks ") + name);
  return config.at(name).get<T>();
}

std::vector<float> values(const Checkpoint& checkpoint, const std::string& name) {
  return require(checkpoint::to_f32(require(checkpoint.tensor(name))));
}

std::vector<__half> halves(const std::vector<float>& values) {
  std::vector<__half> rounded(values.size());
  std::transform(values.begin(), values.end(), rounded.begin(),
                 [](float x) { return __float2half(x); });
  return rounded;
}

std::vector<float> first(std::vector<float> values, std::int64_t count) {
  values.resize(static_cast<std::size_t>(count));
  return values;
}

/// The layers `names` as one. The example runs the commonest scheme.
checkpoint::QuantizedLinear linear_of(const Checkpoint& checkpoint,
                                      const std::vector<std::string>& names) {
  checkpoint::QuantizedLinear layer = require(checkpoint.fused_linear(names));
  if (layer.activation.is_static || !layer.activation.symmetric ||
      !layer.weight_zero_point.empty() || !layer.column_factor.empty() || layer.bias.empty()) {
    throw std::runtime_error(names.front() +
                             " has static scales, zero points, a column factor or no bias; the "
                             "encoder runs symmetric weights with activations quantized a token");
  }
  return layer;
}

/// Softmax attention of one head in one sentence. `qkv` is the first row's query of that head, with
/// key and value `hidden` and `2 hidden` behind it.
void attend(const __half* qkv, std::int64_t tokens, std::int64_t hidden, std::int64_t head_size,
            __half* output) {
  const std::int64_t stride = 3 * hidden;
  const double factor = 1 / std::sqrt(static_cast<double>(head_size));
  std::vector<double> weights(static_cast<std::size_t>(tokens));
  for (std::int64_t query = 0; query < tokens; ++query) {
    const __half* q = qkv + query * stride;
    for (std::int64_t key = 0; key < tokens; ++key) {
      const __half* k = qkv + key * stride + hidden;
      double product = 0;
      for (std::int64_t i = 0; i < head_size; ++i)
        product += __half2float(q[i]) * __half2float(k[i]);
      weights[static_cast<std::size_t>(key)] = product * factor;
    }
    const double largest = *std::max_element(weights.begin(), weights.end());
    for (double& weight : weights) weight = std::exp(weight - largest);
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (std::int64_t i = 0; i < head_size; ++i) {
      double mean = 0;
      for (std::int64_t key = 0; key < tokens; ++key) {
        const __half* v = qkv + key * stride + 2 * hidden;
        mean += weights[static_cast<std::size_t>(key)] * __half2float(v[i]);
      }
      output[query * hidden + i] = __float2half(static_cast<float>(mean / sum));
    }
  }
}

}  // namespace

Encoder::Linear::Linear(const checkpoint::QuantizedLinear& layer)
    : q(std::vector<S8>(layer.weight.get(), layer.weight.get() + layer.n * layer.k)),
      scale(layer.weight_scale),
      bias(halves(layer.bias)) {}

Encoder::DeviceNorm::DeviceNorm(const Norm& norm)
    : weight(halves(norm.weight)), bias(halves(norm.bias)) {}

Encoder::Encoder(const Checkpoint& checkpoint)
    : hidden_(setting<std::int64_t>(checkpoint, "hidden_size")),
      heads_(setting<std::int64_t>(checkpoint, "num_attention_heads")),
      intermediate_(setting<std::int64_t>(checkpoint, "intermediate_size")),
      eps_(setting<double>(checkpoint, "layer_norm_eps")),
      words_(values(checkpoint, "embeddings.word_embeddings.weight")),
      positions_(values(checkpoint, "embeddings.position_embeddings.weight")),
      type_(first(values(checkpoint, "embeddings.token_type_embeddings.weight"), hidden_)),
      input_norm_({values(checkpoint, "embeddings.LayerNorm.weight"),
                   values(checkpoint, "embeddings.LayerNorm.bias")}) {
  if (setting<std::string>(checkpoint, "hidden_act") != "gelu") {
    throw std::runtime_error(
        "config.json has another hidden_act than gelu, which the encoder runs");
  }
  const auto count = setting<int>(checkpoint, "num_hidden_layers");
  for (int i = 0; i < count; ++i) {
    const std::string name = "encoder.layer." + std::to_string(i);
    const std::string self = name + ".attention.self.";
    const auto norm = [&](const std::string& part) {
      return Norm{values(checkpoint, name + part + ".weight"),
                  values(checkpoint, name + part + ".bias")};
    };
    last_norm_ = norm(".output.LayerNorm");
    layers_.push_back(
        {Linear(linear_of(checkpoint, {self + "query", self + "key", self + "value"})),
         Linear(linear_of(checkpoint, {name + ".attention.output.dense"})),
         DeviceNorm(norm(".attention.output.LayerNorm")),
         Linear(linear_of(checkpoint, {name + ".intermediate.dense"})),
         Linear(linear_of(checkpoint, {name + ".output.dense"})), DeviceNorm(last_norm_)});
  }
}

std::vector<__half> Encoder::embeddings(const Sentences& sentences) const {
  std::vector<float> sums;
  auto id = sentences.ids.begin();
  for (const std::int32_t length : sentences.lengths) {
    for (std::int32_t position = 0; position < length; ++position, ++id) {
      for (std::int64_t i = 0; i < hidden_; ++i) {
        sums.push_back(words_.at(static_cast<std::size_t>(*id * hidden_ + i)) +
                       positions_.at(static_cast<std::size_t>(position * hidden_ + i)) +
                       type_[static_cast<std::size_t>(i)]);
      }
    }
  }
  return halves(sums);
}

std::vector<double> Encoder::pooled(const std::vector<__half>& sums,
                                    const Sentences& sentences) const {
  const auto hidden = static_cast<std::size_t>(hidden_);
  std::vector<double> result;
  const __half* row = sums.data();
  for (const std::int32_t length : sentences.lengths) {
    std::vector<double> total(hidden);
    for (std::int32_t token = 0; token < length; ++token, row += hidden_) {
      std::vector<double> x(hidden);
      std::transform(row, row + hidden, x.begin(), [](__half h) { return __half2float(h); });
      const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(hidden);
      double squares = 0;
      for (const double value : x) squares += (value - mean) * (value - mean);
      const double deviation = std::sqrt(squares / static_cast<double>(hidden) + eps_);
      for (std::size_t i = 0; i < hidden; ++i) {
        total[i] += (x[i] - mean) / deviation * last_norm_.weight[i] + last_norm_.bias[i];
      }
    }
    const double norm =
        std::sqrt(std::inner_product(total.begin(), total.end(), total.begin(), 0.0));
    for (const double value : total) result.push_back(value / norm);
  }
  return result;
}

std::vector<double> Encoder::embed(const Sentences& sentences) const {
  const auto tokens = static_cast<std::int64_t>(sentences.ids.size());
  const auto elements = [&](std::int64_t columns) {
    return static_cast<std::size_t>(tokens * columns);
  };
  const test::Stream stream;
  const auto layer =
      require(examples::EncoderLayer::select(stream, {tokens, hidden_, intermediate_, eps_}));
  const DeviceArray<__half> sum(embeddings(sentences));
  const DeviceArray<__half> normed(elements(hidden_));
  const DeviceArray<__half> qkv(elements(3 * hidden_));
  const DeviceArray<__half> attended(elements(hidden_));
  const DeviceArray<__half> intermediate(elements(intermediate_));
  const DeviceArray<S8> act_q(elements(std::max(hidden_, intermediate_)));
  const DeviceArray<float> act_scale(elements(1));
  const DeviceArray<std::byte> workspace(layer.workspace_size());
  const examples::EncoderLayerBuffers buffers{.sum = sum.data(),
                                              .normed = normed.data(),
                                              .qkv = qkv.data(),
                                              .attention = matrix(attended.data(), tokens, hidden_),
                                              .intermediate = intermediate.data(),
                                              .act_q = act_q.data(),
                                              .act_scale = act_scale.data(),
                                              .workspace = {workspace.data(), workspace.size()}};

  const auto attention = [&](cudaStream_t) {
    stream.synchronize();
    const std::vector<__half> rows = qkv.download();
    std::vector<__half> output(elements(hidden_));
    const std::int64_t head_size = hidden_ / heads_;
    std::int64_t token = 0;
    for (const std::int32_t length : sentences.lengths) {
      for (std::int64_t head = 0; head < heads_; ++head) {
        attend(rows.data() + token * 3 * hidden_ + head * head_size, length, hidden_, head_size,
               output.data() + token * hidden_ + head * head_size);
      }
      token += length;
    }
    attended.upload(output);
  };
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& l = layers_[i];
    const DeviceNorm& input_norm = i == 0 ? input_norm_ : layers_[i - 1].output_norm;
    require(layer.run(stream,
                      {input_norm.view(), l.qkv.view(), l.o.view(), l.attention_norm.view(),
                       l.intermediate.view(), l.output.view()},
                      buffers, attention));
  }
  stream.synchronize();
  return pooled(sum.download(), sentences);
}

}  // namespace qlinear::encoder
