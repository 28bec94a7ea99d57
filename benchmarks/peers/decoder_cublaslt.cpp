#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <harness/device_buffer.hpp>
#include <peers/cublaslt_matmul.hpp>
#include <peers/decoder_peers.hpp>
#include <peers/peers.hpp>

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <optional>

namespace qlinear::benchmark {
namespace {

/// How far a bf16 layer may be from the fused int8 one: by the int8 roundings. Activations behind a
/// norm with Gaussian weights, or behind a gate, are products, whose rows have a maximum of eight
/// to fifteen times their root mean square: rounding to 1/127 of it leaves 0.02 to 0.03. Gate and
/// up add up, and down has its own: 0.04 by a simulation of the 8B layer.
constexpr double kBf16Bound = 0.1;
/// An FP8 linear adds 0.024 for each of its operands (see cublaslt_fp8.cpp): 0.1 by the same
/// simulation, and up to 0.03 for sums kept in a tensor core.
constexpr double kFp8Bound = 0.16;

/// One linear, with the e4m3 activation that it reads: at first of `sample`, so that kernels are
/// chosen on data.
class Fp8Linear {
 public:
  Fp8Linear(const CublasLtHandle& handle, LayerWeights& weights, std::int64_t m,
            const DeviceBuffer<Bf16>& sample, const DeviceBuffer<Bf16>& output,
            const GraphTimer& timer)
      : weights_(weights),
        m_(m),
        output_(output.data()),
        q_(m * weights.layer().k),
        scale_(padded_scales(m)),
        matmul_(handle, kE4m3Matmul, m, weights.layer().n, weights.layer().k) {
    quantize(sample.data(), timer.stream());
    matmul_.search(timer, weights.copies(), [&](int call) { return operands(call); });
  }

  RowOutput<E4m3> input() const { return {q_.data(), scale_.data()}; }
  void quantize(const Bf16* x, cudaStream_t stream) const {
    check(quantize_rows(x, m_, weights_.layer().k, input(), stream));
  }
  void multiply(cudaStream_t stream, int call) const { matmul_.enqueue(operands(call), stream); }

 private:
  CublasLtOperands operands(int call) const {
    return {q_.data(), weights_.e4m3_weight(call), output_, scale_.data(), weights_.scale()};
  }

  LayerWeights& weights_;
  std::int64_t m_;
  Bf16* output_;
  DeviceBuffer<E4m3> q_;
  DeviceBuffer<float> scale_;
  CublasLtMatmul matmul_;
};

class Bf16Linear {
 public:
  Bf16Linear(const CublasLtHandle& handle, LayerWeights& weights, std::int64_t m,
             const DeviceBuffer<Bf16>& activation, const DeviceBuffer<Bf16>& output,
             const GraphTimer& timer)
      : weights_(weights),
        activation_(activation.data()),
        output_(output.data()),
        matmul_(handle, kBf16Matmul, m, weights.layer().n, weights.layer().k) {
    matmul_.search(timer, weights.bf16_copies(), [&](int call) { return operands(call); });
  }

  RowOutput<Bf16> input() const { return {activation_}; }
  /// Takes `x` as it is: `activation` of the constructor.
  void quantize(const Bf16*, cudaStream_t) const {}
  void multiply(cudaStream_t stream, int call) const { matmul_.enqueue(operands(call), stream); }

 private:
  CublasLtOperands operands(int call) const {
    return {activation_, weights_.bf16_weight(call), output_};
  }

  LayerWeights& weights_;
  Bf16* activation_;
  Bf16* output_;
  CublasLtMatmul matmul_;
};

/// The layer whose norms and gates write what `Linear` reads.
template <class Linear>
class CublasLtDecoder {
 public:
  CublasLtDecoder(DecoderProblem& problem, const GraphTimer& timer)
      : problem_(problem),
        qkv_(handle_, problem.qkv, problem.m, problem.a.normed, problem.a.qkv, timer),
        o_(handle_, problem.o, problem.m, problem.a.attention, problem.a.o, timer),
        gate_up_(handle_, problem.gate_up, problem.m, problem.a.normed, problem.a.gate_up, timer),
        down_(handle_, problem.down, problem.m, problem.a.gated, problem.a.down, timer) {}

  void enqueue(cudaStream_t stream, int call) const {
    const DecoderActivations& a = problem_.a;
    enqueue_norm(problem_, a.x, a.residual, a.residual_1, qkv_.input(), stream);
    qkv_.multiply(stream, call);
    o_.quantize(a.attention.data(), stream);
    o_.multiply(stream, call);
    enqueue_norm(problem_, a.o, a.residual_1, a.residual_2, gate_up_.input(), stream);
    gate_up_.multiply(stream, call);
    check(
        silu_multiply(a.gate_up.data(), problem_.m, problem_.shape.down.k, down_.input(), stream));
    down_.multiply(stream, call);
  }
  void multiply(cudaStream_t stream, int call) const {
    for (const Linear* linear : {&qkv_, &o_, &gate_up_, &down_}) linear->multiply(stream, call);
  }

 private:
  DecoderProblem& problem_;
  CublasLtHandle handle_;
  Linear qkv_;
  Linear o_;
  Linear gate_up_;
  Linear down_;
};

template <class Linear, void (CublasLtDecoder<Linear>::*kStep)(cudaStream_t, int) const>
EnqueueCall prepare(DecoderProblem& problem, const Bench& bench) {
  const auto layer = std::make_shared<const CublasLtDecoder<Linear>>(problem, bench.timer);
  ((*layer).*kStep)(bench.stream, 0);
  check(cudaStreamSynchronize(bench.stream));
  return [layer](cudaStream_t stream, int call) { ((*layer).*kStep)(stream, call); };
}

}  // namespace

void add_cublaslt_decoders(DecoderVariants& variants) {
  if (compute_capability_major() >= 9) {
    using Decoder = CublasLtDecoder<Fp8Linear>;
    variants.push_back({"cublaslt_fp8", kFp8Bound, prepare<Fp8Linear, &Decoder::enqueue>});
    variants.push_back(
        {"cublaslt_fp8_gemms", std::nullopt, prepare<Fp8Linear, &Decoder::multiply>});
  }
  using Decoder = CublasLtDecoder<Bf16Linear>;
  variants.push_back({"cublaslt_bf16", kBf16Bound, prepare<Bf16Linear, &Decoder::enqueue>});
}

}  // namespace qlinear::benchmark
