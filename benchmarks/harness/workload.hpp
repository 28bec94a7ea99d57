#pragma once

#include <cuda_bf16.h>
#include <cuda_fp8.h>
#include <cuda_runtime_api.h>
#include <harness/device_buffer.hpp>
#include <harness/floor.hpp>
#include <harness/shapes.hpp>
#include <qlinear/problem.hpp>

#include <cstdint>

namespace qlinear::benchmark {

using Bf16 = __nv_bfloat16;
using E4m3 = __nv_fp8_e4m3;

/// Weights of one layer: as many copies as it takes to read three times the L2 cache before a copy
/// is read again, so that every call finds cold weights.
class LayerWeights {
 public:
  LayerWeights(const LayerShape& layer, std::int64_t l2_bytes, cudaStream_t stream);

  const LayerShape& layer() const noexcept { return layer_; }
  int copies() const noexcept { return copies_; }
  const std::int8_t* weight(int call) const;  ///< [N, K]
  const float* scale() const noexcept { return scale_.data(); }

  /// bf16(weight * scale), for peers that do not quantize; made at the first call.
  const Bf16* bf16_weight(int call);
  int bf16_copies() const noexcept { return bf16_copies_; }

  /// e4m3(weight), whose scale is that of the weight, for FP8 peers; made at the first call.
  const E4m3* e4m3_weight(int call);

 private:
  std::int64_t elements() const noexcept { return layer_.n * layer_.k; }

  LayerShape layer_;
  int copies_;
  int bf16_copies_;
  cudaStream_t stream_;
  DeviceBuffer<std::int8_t> weight_;
  DeviceBuffer<float> scale_;
  DeviceBuffer<Bf16> bf16_weight_;
  DeviceBuffer<E4m3> e4m3_weight_;
};

/// One layer with M tokens: Gaussian activations, scratch that already holds them quantized, and
/// outputs. Every buffer rotates with the number of the call.
class Workload {
 public:
  Workload(LayerWeights& weights, std::int64_t m, std::int64_t l2_bytes, cudaStream_t stream);

  std::int64_t m() const noexcept { return m_; }
  std::int64_t n() const noexcept { return weights_.layer().n; }
  std::int64_t k() const noexcept { return weights_.layer().k; }
  cudaStream_t stream() const noexcept { return stream_; }
  LayerWeights& weights() const noexcept { return weights_; }
  /// Calls after which the buffers that `work` reads come around.
  int rotation(Work work) const noexcept;

  QuantizedLinearDescriptor descriptor() const;
  QuantizedLinearArgs<Bf16, S8> args(int call) const;
  const Bf16* activation(int call) const;
  std::int8_t* quantized(int call) const;
  float* activation_scale(int call) const;
  Bf16* output(int call) const;
  /// [M, N] int32 for GEMMs that do not dequantize; made at the first call.
  std::int32_t* accumulator(int call);

 private:
  void quantize_activations();

  LayerWeights& weights_;
  std::int64_t m_;
  cudaStream_t stream_;
  int activation_copies_;
  DeviceBuffer<Bf16> activation_;
  DeviceBuffer<std::int8_t> quantized_;
  DeviceBuffer<float> activation_scale_;
  DeviceBuffer<Bf16> output_;
  DeviceBuffer<std::int32_t> accumulator_;
};

}  // namespace qlinear::benchmark
