#pragma once

#include "examples/encoder_layer.hpp"
#include "quick_start/device_array.hpp"

#include <cuda_fp16.h>
#include <qlinear/checkpoint/checkpoint.hpp>

#include <cstdint>
#include <vector>

namespace qlinear::encoder {

/// Sentences as token ids, one after another.
struct Sentences {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> lengths;
};

/// A sentence encoder of BERT's architecture, from a W8A8 checkpoint. Its layers are those of
/// tests/examples; embedding, attention and pooling are plain host code.
class Encoder {
 public:
  /// Throws std::runtime_error with what the checkpoint lacks.
  explicit Encoder(const checkpoint::Checkpoint& checkpoint);

  /// Runs all sentences at once: linears do not care which sentence a token is of. Returns
  /// [sentences, hidden()]: for each the mean over its tokens, scaled to length 1.
  std::vector<double> embed(const Sentences& sentences) const;

  std::int64_t hidden() const { return hidden_; }

 private:
  template <class T>
  using Device = quick_start::DeviceArray<T>;

  struct Linear {
    explicit Linear(const checkpoint::QuantizedLinear& layer);
    examples::EncoderLinear view() const { return {q.data(), scale.data(), bias.data()}; }
    Device<S8> q;
    Device<float> scale;
    Device<__half> bias;
  };
  struct Norm {
    std::vector<float> weight;
    std::vector<float> bias;
  };
  struct DeviceNorm {
    explicit DeviceNorm(const Norm& norm);
    examples::EncoderNorm view() const { return {weight.data(), bias.data()}; }
    Device<__half> weight;
    Device<__half> bias;
  };
  struct Layer {
    Linear qkv;
    Linear o;
    DeviceNorm attention_norm;
    Linear intermediate;
    Linear output;
    DeviceNorm output_norm;
  };

  std::vector<__half> embeddings(const Sentences& sentences) const;
  std::vector<double> pooled(const std::vector<__half>& sums, const Sentences& sentences) const;

  std::int64_t hidden_;
  std::int64_t heads_;
  std::int64_t intermediate_;
  double eps_;
  std::vector<float> words_;      ///< [vocabulary, hidden]
  std::vector<float> positions_;  ///< [most tokens, hidden]
  std::vector<float> type_;       ///< [hidden], of the first sentence of a pair: all are.
  DeviceNorm input_norm_;
  std::vector<Layer> layers_;
  Norm last_norm_;  ///< No linear reads it, so the host normalises.
};

}  // namespace qlinear::encoder
