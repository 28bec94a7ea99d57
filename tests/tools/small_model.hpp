#pragma once

#include "checkpoint/files.hpp"
#include "support/random.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace qlinear::test {

inline constexpr std::int64_t kHidden = 16;
inline constexpr std::int64_t kInner = 24;
inline constexpr std::int64_t kVocabulary = 40;

/// Values that bf16 holds, as every float type of a file does.
inline std::vector<float> bf16_values(std::int64_t count, std::uint64_t seed, double mean = 0) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    const auto exact = static_cast<float>(mean + 0.1 * random.gaussian());
    value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(exact) & 0xFFFF0000U);
  }
  return values;
}

using MakeTensor = checkpoint::NamedTensor (*)(std::string, std::vector<std::int64_t>,
                                               const std::vector<float>&);

inline checkpoint::NamedTensor as_f32(std::string name, std::vector<std::int64_t> shape,
                                      const std::vector<float>& values) {
  return f32_tensor(std::move(name), std::move(shape), values);
}

/// A model with the names of Llama's: two layers, an embedding and, unless it is tied, an lm_head.
inline std::vector<checkpoint::NamedTensor> llama_tensors(MakeTensor make, bool tied) {
  std::vector<checkpoint::NamedTensor> tensors;
  std::uint64_t seed = 1;
  const auto matrix = [&](const std::string& name, std::int64_t n, std::int64_t k) {
    tensors.push_back(make(name + ".weight", {n, k}, bf16_values(n * k, seed++)));
  };
  const auto norm = [&](const std::string& name) {
    tensors.push_back(make(name + ".weight", {kHidden}, bf16_values(kHidden, seed++, 1)));
  };
  matrix("model.embed_tokens", kVocabulary, kHidden);
  for (const std::string block : {"model.layers.0.", "model.layers.1."}) {
    norm(block + "input_layernorm");
    norm(block + "post_attention_layernorm");
    matrix(block + "self_attn.q_proj", kHidden, kHidden);
    matrix(block + "self_attn.k_proj", kHidden / 2, kHidden);
    matrix(block + "self_attn.v_proj", kHidden / 2, kHidden);
    matrix(block + "self_attn.o_proj", kHidden, kHidden);
    matrix(block + "mlp.gate_proj", kInner, kHidden);
    matrix(block + "mlp.up_proj", kInner, kHidden);
    matrix(block + "mlp.down_proj", kHidden, kInner);
  }
  norm("model.norm");
  if (!tied) matrix("lm_head", kVocabulary, kHidden);
  return tensors;
}

inline std::string llama_config(bool tied) {
  return std::string(R"({"model_type": "llama", "vocab_size": 40, "rms_norm_eps": 1e-05,
    "tie_word_embeddings": )") +
         (tied ? "true" : "false") + "}";
}

/// The folder of that model.
inline CheckpointFolder llama_folder(bool tied = false, MakeTensor make = bf16_tensor) {
  return {llama_config(tied), llama_tensors(make, tied)};
}

}  // namespace qlinear::test
