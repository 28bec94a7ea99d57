#pragma once

#include "backend.hpp"
#include "model.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace qlinear::engine {

/// A token of a batch, at its position in the sequence that has a slot of the cache.
struct Row {
  std::int32_t token = 0;
  std::int32_t slot = 0;
  std::int32_t position = 0;
};

/// How much a decoder can hold.
struct Capacity {
  int rows = 0;       ///< Of a batch.
  int slots = 0;      ///< Sequences in the cache.
  int positions = 0;  ///< Of a sequence.
};

/// A model on a back end, with its key-value cache. A row's logits depend on its sequence alone,
/// and not on the batch or on the pieces that the sequence came in.
class Decoder {
 public:
  /// Uploads `model`. `backend` must outlive the decoder.
  Decoder(Backend& backend, const Model& model, const Capacity& capacity);

  /// Runs a batch of any rows, whose keys and values enter the cache: all earlier positions of
  /// their sequences must be there, or in the batch. Computes the logits of the rows `wanted`.
  void prefill(const std::vector<Row>& rows, const std::vector<std::int32_t>& wanted);
  /// Runs one row each of some sequences and computes their logits, as a CUDA graph on a device.
  void decode(const std::vector<Row>& rows);

  /// The logits of the last run, [wanted rows, vocabulary].
  std::vector<float> logits() const;
  /// The token of the largest logit of each wanted row. Throws Error where there is none.
  std::vector<std::int32_t> greedy() const;

  const LlamaConfig& config() const { return config_; }
  const Capacity& capacity() const { return capacity_; }

 private:
  /// A linear layer on the back end; `descriptor.m` is left to the call.
  struct Linear {
    QuantizedLinearDescriptor descriptor;
    const S8* weight = nullptr;
    const float* scale = nullptr;
  };
  struct Layer {
    const float* attention_norm = nullptr;
    Linear qkv;
    Linear o;
    const float* mlp_norm = nullptr;
    Linear gate_up;
    Linear down;
    KeyValueCache cache;
  };

  Linear upload(const checkpoint::QuantizedLinear& layer);
  void allocate_buffers();
  void write_rows(const std::vector<Row>& rows, const std::vector<std::int32_t>& wanted);
  void enqueue(int rows, int wanted);
  void enqueue_layer(const Layer& layer, const BatchRows& rows);
  void run(const Linear& linear, int rows, const float* activation, float* output);
  void run_normed(const Linear& linear, int rows, const float* norm, const float* activation,
                  float* residual, float* output);
  LinearArgs arguments(const Linear& linear, int rows, const TensorRef<float, 2>& activation,
                       float* output) const;
  BatchRows batch(int rows) const { return {rows, tokens_, slots_, positions_}; }

  Backend& backend_;
  LlamaConfig config_;
  Capacity capacity_;
  const float* embeddings_ = nullptr;
  std::vector<Layer> layers_;
  const float* final_norm_ = nullptr;
  Linear lm_head_;
  const float* cosine_ = nullptr;  ///< [positions, head_dim / 2]
  const float* sine_ = nullptr;

  // A batch. Every layer works in the same memory.
  std::int32_t* tokens_ = nullptr;
  std::int32_t* slots_ = nullptr;
  std::int32_t* positions_ = nullptr;
  std::int32_t* wanted_ = nullptr;
  float* hidden_ = nullptr;
  float* residual_ = nullptr;
  float* qkv_ = nullptr;
  float* attention_ = nullptr;
  float* gate_up_ = nullptr;
  S8* act_q_ = nullptr;
  float* act_scale_ = nullptr;
  float* wanted_hidden_ = nullptr;
  float* wanted_residual_ = nullptr;
  float* logits_ = nullptr;
  std::int32_t* next_ = nullptr;

  int wanted_count_ = 0;
  std::map<int, std::function<void()>> recorded_;  ///< Decoding, by the number of rows.
};

}  // namespace qlinear::engine
