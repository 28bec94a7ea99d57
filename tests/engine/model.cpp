#include "model.hpp"

#include "require.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace qlinear::engine {
namespace {

using checkpoint::Checkpoint;
using checkpoint::QuantizedLinear;

template <class T>
T member(const nlohmann::json& json, const char* name) {
  if (!json.contains(name)) throw Error(std::string("config.json has no '") + name + "'");
  return json.at(name).get<T>();
}

void check_config(const LlamaConfig& config) {
  for (const int size : {config.hidden_size, config.intermediate_size, config.num_hidden_layers,
                         config.num_attention_heads, config.num_key_value_heads, config.head_dim,
                         config.vocab_size}) {
    if (size <= 0) throw Error("config.json holds a size that is not positive");
  }
  if (config.num_attention_heads % config.num_key_value_heads != 0 || config.head_dim % 8 != 0) {
    throw Error(
        "config.json: heads of keys must divide those of queries, and 8 the size of a head");
  }
}

std::vector<float> vector_of(const Checkpoint& checkpoint, const std::string& name,
                             std::int64_t size) {
  std::vector<float> values = require(checkpoint::to_f32(require(checkpoint.tensor(name))));
  if (values.size() != static_cast<std::size_t>(size)) {
    throw Error(name + " has " + std::to_string(values.size()) + " elements; config.json says " +
                std::to_string(size));
  }
  return values;
}

/// The layers `names` as one. The engine runs the commonest scheme: symmetric, dynamic, no bias.
QuantizedLinear linear_of(const Checkpoint& checkpoint, const std::vector<std::string>& names,
                          int n, int k) {
  for (const std::string& name : names) {
    if (!checkpoint.is_quantized(name)) {
      throw Error(name +
                  " is not quantized; the engine runs every linear layer in int8, lm_head too");
    }
  }
  QuantizedLinear layer = require(checkpoint.fused_linear(names));
  if (layer.n != n || layer.k != k) {
    throw Error(names.front() + " has other sizes than config.json says");
  }
  if (layer.activation.is_static || !layer.activation.symmetric ||
      !layer.weight_zero_point.empty() || !layer.bias.empty() || !layer.column_factor.empty()) {
    throw Error(
        names.front() +
        " has static scales, zero points, a column factor or a bias; the engine runs symmetric "
        "weights with activations quantized a token");
  }
  return layer;
}

LayerWeights load_layer(const Checkpoint& checkpoint, const LlamaConfig& c, int index) {
  const std::string layer = "model.layers." + std::to_string(index) + ".";
  const std::string attention = layer + "self_attn.";
  const std::string mlp = layer + "mlp.";
  return {vector_of(checkpoint, layer + "input_layernorm.weight", c.hidden_size),
          linear_of(checkpoint, {attention + "q_proj", attention + "k_proj", attention + "v_proj"},
                    c.query_size() + 2 * c.key_value_size(), c.hidden_size),
          linear_of(checkpoint, {attention + "o_proj"}, c.hidden_size, c.query_size()),
          vector_of(checkpoint, layer + "post_attention_layernorm.weight", c.hidden_size),
          linear_of(checkpoint, {mlp + "gate_proj", mlp + "up_proj"}, 2 * c.intermediate_size,
                    c.hidden_size),
          linear_of(checkpoint, {mlp + "down_proj"}, c.hidden_size, c.intermediate_size)};
}

}  // namespace

LlamaConfig parse_config(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) throw Error("config.json is no JSON object");
  try {
    if (member<std::string>(json, "model_type") != "llama") {
      throw Error("config.json describes no model of model_type llama; the engine runs no other");
    }
    if (json.contains("rope_scaling") && !json.at("rope_scaling").is_null()) {
      throw Error("config.json scales rotary positions, which the engine does not");
    }
    if (json.contains("rope_parameters")) {
      throw Error("config.json holds rope_parameters; the engine reads rope_theta alone");
    }
    if (json.value("hidden_act", "silu") != "silu") {
      throw Error("config.json has another hidden_act than silu, which the engine runs");
    }
    LlamaConfig config;
    config.hidden_size = member<int>(json, "hidden_size");
    config.intermediate_size = member<int>(json, "intermediate_size");
    config.num_hidden_layers = member<int>(json, "num_hidden_layers");
    config.num_attention_heads = member<int>(json, "num_attention_heads");
    config.num_key_value_heads = json.value("num_key_value_heads", config.num_attention_heads);
    config.head_dim =
        json.value("head_dim", config.hidden_size / std::max(config.num_attention_heads, 1));
    config.vocab_size = member<int>(json, "vocab_size");
    config.max_position_embeddings = member<int>(json, "max_position_embeddings");
    config.rms_norm_eps = member<double>(json, "rms_norm_eps");
    config.rope_theta = member<double>(json, "rope_theta");
    config.eos_token_id = json.value("eos_token_id", -1);
    check_config(config);
    return config;
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("config.json: ") + error.what());
  }
}

Model load_model(const std::filesystem::path& folder) {
  const Checkpoint checkpoint = require(Checkpoint::open(folder));
  Model model;
  model.config = parse_config(checkpoint.config());
  const LlamaConfig& c = model.config;
  model.embeddings = vector_of(checkpoint, "model.embed_tokens.weight",
                               std::int64_t{c.vocab_size} * c.hidden_size);
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    model.layers.push_back(load_layer(checkpoint, c, i));
  }
  model.final_norm = vector_of(checkpoint, "model.norm.weight", c.hidden_size);
  model.lm_head = linear_of(checkpoint, {"lm_head"}, c.vocab_size, c.hidden_size);
  return model;
}

std::int64_t weight_bytes_per_token(const Model& model) {
  const auto bytes = [](const QuantizedLinear& layer) {
    return layer.n * (layer.k + std::int64_t{sizeof(float)});
  };
  std::int64_t sum = bytes(model.lm_head);
  for (const LayerWeights& layer : model.layers) {
    sum += bytes(layer.qkv) + bytes(layer.o) + bytes(layer.gate_up) + bytes(layer.down);
  }
  return sum;
}

}  // namespace qlinear::engine
