#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>
#include <qlinear/qlinear.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>

// An example to copy: the decoder layer of Llama, Qwen and their like in W8A8. Its four linears
// take the norms, the residual and the gated SiLU between them along, so that beside attention it
// is eight kernels. It needs the public headers and the CUDA runtime, and C++17.

namespace qlinear::examples {

using Bf16 = __nv_bfloat16;

struct DecoderLayerShape {
  std::int64_t tokens = 0;
  std::int64_t hidden = 0;
  std::int64_t query = 0;      ///< Heads times their size.
  std::int64_t key_value = 0;  ///< Heads of keys, or of values, times their size.
  std::int64_t intermediate = 0;
  double eps = 1e-5;  ///< Of both norms.
};

/// A weight as a W8A8 checkpoint has it, one scale a row.
struct Int8Weight {
  const S8* q = nullptr;
  const float* scale = nullptr;
};

/// Device memory that is written before the first run, and never again.
struct DecoderLayerWeights {
  const Bf16* attention_norm = nullptr;  ///< [hidden]
  Int8Weight qkv;                        ///< [query + 2 key_value, hidden]
  Int8Weight o;                          ///< [hidden, query]
  const Bf16* mlp_norm = nullptr;        ///< [hidden]
  Int8Weight gate_up;                    ///< [2 intermediate, hidden]: all gates, then all ups
  Int8Weight down;                       ///< [hidden, intermediate]
};

/// Device memory that the layer works in. All layers of a model can share it.
struct DecoderLayerBuffers {
  Bf16* hidden = nullptr;          ///< [tokens, hidden]: of the layer before, then of this one
  Bf16* residual = nullptr;        ///< [tokens, hidden]: the stream, zeros before the first layer
  Bf16* qkv = nullptr;             ///< [tokens, query + 2 key_value]: what attention reads
  TensorRef<Bf16, 2> attention{};  ///< [tokens, query]: what attention writes, with any row stride
  Bf16* gate_up = nullptr;         ///< [tokens, 2 intermediate]
  S8* act_q = nullptr;             ///< [tokens, the largest of hidden, query and intermediate]
  float* act_scale = nullptr;      ///< [tokens]
  Workspace workspace{};           ///< `workspace_size()` bytes
};

class DecoderLayer {
 public:
  /// Enqueues what turns `qkv` into `attention`.
  using Attention = std::function<void(cudaStream_t)>;

  /// Selects once for all layers of a shape.
  static Result<DecoderLayer> select(cudaStream_t stream, const DecoderLayerShape& shape);

  std::size_t workspace_size() const;

  /// Enqueues the layer; it may be captured into a CUDA graph. The norm after the last layer reads
  /// the sum of `hidden` and `residual`.
  Status run(cudaStream_t stream, const DecoderLayerWeights& weights,
             const DecoderLayerBuffers& buffers, const Attention& attention) const;

 private:
  using Plan = QuantizedLinearPlan<Bf16, S8>;
  DecoderLayer(const Plan& qkv, const Plan& o, const Plan& gate_up, const Plan& down)
      : qkv_(qkv), o_(o), gate_up_(gate_up), down_(down) {}

  Plan qkv_;
  Plan o_;
  Plan gate_up_;
  Plan down_;
};

}  // namespace qlinear::examples
