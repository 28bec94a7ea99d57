#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <qlinear/qlinear.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>

// An example to copy: the encoder layer of BERT and its like in W8A8. Its four linears take the
// biases, the GELU, the residuals and the norms between them along, so that beside attention it is
// eight kernels. It needs the public headers and the CUDA runtime, and C++17.
//
// BERT normalises sums of a layer's output and its input. Each norm belongs to the linear that
// reads it first, so a layer begins with the norm that ends the layer before, or the embedding.

namespace qlinear::examples {

struct EncoderLayerShape {
  std::int64_t tokens = 0;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  double eps = 1e-12;  ///< Of both norms.
};

/// A linear's weight, one scale a row, and its bias.
struct EncoderLinear {
  const S8* q = nullptr;
  const float* scale = nullptr;
  const __half* bias = nullptr;
};

/// Weight and bias of a LayerNorm, [hidden] each.
struct EncoderNorm {
  const __half* weight = nullptr;
  const __half* bias = nullptr;
};

/// Device memory that is written before the first run, and never again.
struct EncoderLayerWeights {
  EncoderNorm input_norm;      ///< Of the embedding, or the output norm of the layer before.
  EncoderLinear qkv;           ///< [3 hidden, hidden]
  EncoderLinear o;             ///< [hidden, hidden]
  EncoderNorm attention_norm;  ///< Of the output of attention.
  EncoderLinear intermediate;  ///< [intermediate, hidden]
  EncoderLinear output;        ///< [hidden, intermediate]
};

/// Device memory that the layer works in. All layers of a model can share it.
struct EncoderLayerBuffers {
  __half* sum = nullptr;             ///< [tokens, hidden]: what the input norm reads, then the next
  __half* normed = nullptr;          ///< [tokens, hidden]: what a norm gave, for the residual
  __half* qkv = nullptr;             ///< [tokens, 3 hidden]: what attention reads
  TensorRef<__half, 2> attention{};  ///< [tokens, hidden]: what attention writes, any row stride
  __half* intermediate = nullptr;    ///< [tokens, intermediate]
  S8* act_q = nullptr;               ///< [tokens, the larger of hidden and intermediate]
  float* act_scale = nullptr;        ///< [tokens]
  Workspace workspace{};             ///< `workspace_size()` bytes
};

class EncoderLayer {
 public:
  /// Enqueues what turns `qkv` into `attention`.
  using Attention = std::function<void(cudaStream_t)>;

  /// Selects once for all layers of a shape.
  static Result<EncoderLayer> select(cudaStream_t stream, const EncoderLayerShape& shape);

  std::size_t workspace_size() const;

  /// Enqueues the layer; it may be captured into a CUDA graph. What reads the last layer normalises
  /// `sum`.
  Status run(cudaStream_t stream, const EncoderLayerWeights& weights,
             const EncoderLayerBuffers& buffers, const Attention& attention) const;

 private:
  using Plan = QuantizedLinearPlan<__half, S8>;
  EncoderLayer(const Plan& qkv, const Plan& o, const Plan& intermediate, const Plan& output)
      : qkv_(qkv), o_(o), intermediate_(intermediate), output_(output) {}

  Plan qkv_;
  Plan o_;
  Plan intermediate_;
  Plan output_;
};

}  // namespace qlinear::examples
