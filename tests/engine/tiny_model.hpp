#pragma once

#include "require.hpp"

#include <qlinear/checkpoint/safetensors.hpp>

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace qlinear::engine::test {

/// A random Llama model of a few thousand weights, as a W8A8 checkpoint in a folder of its own.
class TinyModel {
 public:
  static constexpr int kVocabulary = 96;

  TinyModel() {
    static int count = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("qlinear_engine_test_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(folder_);
    add_floats("model.embed_tokens.weight", {kVocabulary, kHidden});
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
      add_floats(layer + "input_layernorm.weight", {kHidden});
      add_linear(layer + "self_attn.q_proj", 64, kHidden);
      add_linear(layer + "self_attn.k_proj", 32, kHidden);
      add_linear(layer + "self_attn.v_proj", 32, kHidden);
      add_linear(layer + "self_attn.o_proj", kHidden, 64);
      add_floats(layer + "post_attention_layernorm.weight", {kHidden});
      add_linear(layer + "mlp.gate_proj", 80, kHidden);
      add_linear(layer + "mlp.up_proj", 80, kHidden);
      add_linear(layer + "mlp.down_proj", kHidden, 80);
    }
    add_floats("model.norm.weight", {kHidden});
    add_linear("lm_head", kVocabulary, kHidden);
    require(checkpoint::write_safetensors(folder_ / "model.safetensors", tensors_));
    write_config("llama", "");
  }
  TinyModel(const TinyModel&) = delete;
  TinyModel& operator=(const TinyModel&) = delete;
  ~TinyModel() { std::filesystem::remove_all(folder_); }

  const std::filesystem::path& folder() const { return folder_; }

  /// Four heads of queries and two of keys, each of 16. `ignored` is a JSON string that names what
  /// is not quantized, or empty.
  void write_config(const std::string& model_type, const std::string& ignored) const {
    std::ofstream(folder_ / "config.json") << R"({
      "model_type": ")" << model_type << R"(", "hidden_size": 64, "intermediate_size": 80,
      "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
      "vocab_size": 96, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000,
      "eos_token_id": 2, "quantization_config": {
        "quant_method": "compressed-tensors", "format": "int-quantized", "ignore": [)"
                                           << ignored << R"(],
        "config_groups": {"group_0": {"targets": ["Linear"],
          "weights": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel"},
          "input_activations": {"num_bits": 8, "type": "int", "symmetric": true,
                                "strategy": "token", "dynamic": true}}}}})";
  }

 private:
  static constexpr int kHidden = 64;

  void add_floats(const std::string& name, const std::vector<std::int64_t>& shape) {
    std::normal_distribution<float> normal(0.1F, 1.0F);
    std::vector<float> values(shape.size() == 1 ? kHidden : kVocabulary * kHidden);
    for (float& value : values) value = normal(random_);
    tensors_.push_back({name, checkpoint::make_tensor(checkpoint::Dtype::F32, shape, values)});
  }
  void add_linear(const std::string& name, int rows, int columns) {
    std::uniform_int_distribution<int> integers(-127, 127);
    std::uniform_real_distribution<float> scales(0.001F, 0.003F);
    std::vector<S8> weight(static_cast<std::size_t>(rows * columns));
    std::vector<float> scale(static_cast<std::size_t>(rows));
    for (S8& value : weight) value = static_cast<S8>(integers(random_));
    for (float& value : scale) value = scales(random_);
    tensors_.push_back(
        {name + ".weight",
         checkpoint::make_tensor(checkpoint::Dtype::I8, {rows, columns}, std::move(weight))});
    tensors_.push_back(
        {name + ".weight_scale",
         checkpoint::make_tensor(checkpoint::Dtype::F32, {rows, 1}, std::move(scale))});
  }

  std::filesystem::path folder_;
  std::mt19937 random_{7};
  std::vector<checkpoint::NamedTensor> tensors_;
};

}  // namespace qlinear::engine::test
