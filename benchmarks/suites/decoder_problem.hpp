#pragma once

#include <benchmark/device_code.hpp>
#include <harness/bench.hpp>
#include <harness/cuda_check.hpp>
#include <harness/device_buffer.hpp>
#include <harness/graph_timer.hpp>
#include <harness/shapes.hpp>
#include <harness/workload.hpp>

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace qlinear::benchmark {

inline constexpr double kNormEps = 1e-5;

/// Activations of a decoder layer with M tokens, [M, ...] each. A call computes qkv of x and
/// residual, o of attention, and down of o; no call reads what another wrote, so that all compute
/// the same. What only parts of a layer read (normed, gated) is filled, too.
struct DecoderActivations {
  DecoderActivations(const DecoderShape& shape, std::int64_t m, cudaStream_t stream);

  DeviceBuffer<Bf16> x, residual, attention, norm_weight;
  DeviceBuffer<Bf16> residual_1, residual_2, normed, qkv, o, gate_up, gated, down;
};

/// Weights and activations that all variants of a decoder layer share; what they quantize is their
/// own.
struct DecoderProblem {
  DecoderProblem(const DecoderShape& shape, std::int64_t m, std::int64_t l2_bytes,
                 cudaStream_t stream);

  DecoderShape shape;
  std::int64_t m;
  LayerWeights qkv, o, gate_up, down;
  DecoderActivations a;
};

/// Writes residual_out = x + residual and `output`, its RMSNorm, by a kernel of its own.
template <class T>
void enqueue_norm(const DecoderProblem& problem, const DeviceBuffer<Bf16>& x,
                  const DeviceBuffer<Bf16>& residual, const DeviceBuffer<Bf16>& residual_out,
                  const RowOutput<T>& output, cudaStream_t stream) {
  check(add_rms_norm(x.data(), residual.data(), problem.a.norm_weight.data(), problem.m,
                     problem.shape.hidden, static_cast<float>(kNormEps), residual_out.data(),
                     output, stream));
}

/// A way to compute a decoder layer, or a part of it.
struct DecoderVariant {
  std::string name;
  /// How far its qkv and down may be from those of the library's fused layer, relative and in the
  /// Frobenius norm; none where it leaves steps out.
  std::optional<double> bound;
  /// Chooses kernels, allocates what calls need, and makes one call. Throws where the problem
  /// cannot be done. The problem must outlive what it returns.
  std::function<EnqueueCall(DecoderProblem& problem, const Bench& bench)> prepare;
  bool peer = false;  ///< Of another library: a problem that it cannot do is no failure.
};

using DecoderVariants = std::vector<DecoderVariant>;

/// The first is the fused layer, which others are compared with.
DecoderVariants library_decoders();

/// Every peer of this build that runs on the current device.
DecoderVariants decoder_peers();

}  // namespace qlinear::benchmark
