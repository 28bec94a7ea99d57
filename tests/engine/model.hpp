#pragma once

#include <qlinear/checkpoint/checkpoint.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace qlinear::engine {

/// The sizes of a Llama model, by their names in `config.json`.
struct LlamaConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int max_position_embeddings = 0;
  double rms_norm_eps = 0;
  double rope_theta = 0;
  int eos_token_id = -1;

  int query_size() const { return num_attention_heads * head_dim; }
  int key_value_size() const { return num_key_value_heads * head_dim; }
};

/// Throws Error where `json` is no configuration of a model that the engine runs.
LlamaConfig parse_config(const std::string& json);

struct LayerWeights {
  std::vector<float> attention_norm;
  checkpoint::QuantizedLinear qkv;  ///< Rows of q, k and v.
  checkpoint::QuantizedLinear o;
  std::vector<float> mlp_norm;
  checkpoint::QuantizedLinear gate_up;  ///< Rows of gate and up.
  checkpoint::QuantizedLinear down;
};

/// A model in host memory.
struct Model {
  LlamaConfig config;
  std::vector<float> embeddings;  ///< [vocab_size, hidden_size]
  std::vector<LayerWeights> layers;
  std::vector<float> final_norm;
  checkpoint::QuantizedLinear lm_head;
};

/// Reads the W8A8 checkpoint in `folder`. Throws Error.
Model load_model(const std::filesystem::path& folder);

/// Bytes of weights and scales that every token reads, the one row of the embeddings left out.
std::int64_t weight_bytes_per_token(const Model& model);

}  // namespace qlinear::engine
