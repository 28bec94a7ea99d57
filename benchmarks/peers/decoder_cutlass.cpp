#include <benchmark/cutlass_int8.hpp>
#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <harness/device_buffer.hpp>
#include <peers/decoder_peers.hpp>
#include <peers/peers.hpp>
#include <peers/vllm_choice.hpp>

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>

namespace qlinear::benchmark {
namespace {

/// Quantizes where the library does, but norms that are rounded to bf16: as `separate` of the
/// library's variants.
constexpr double kBound = 0.05;

/// One linear, with the int8 activation that it reads.
class CutlassLinear {
 public:
  CutlassLinear(const LayerWeights& weights, std::int64_t m)
      : weights_(weights),
        m_(m),
        q_(m * weights.layer().k),
        scale_(m),
        launch_(vllm_choice(m, weights.layer().n)) {}

  RowOutput<std::int8_t> input() const { return {q_.data(), scale_.data()}; }
  void quantize(const Bf16* x, cudaStream_t stream) const {
    check(two_read_quantize(x, m_, weights_.layer().k, q_.data(), scale_.data(), stream));
  }
  void multiply(Bf16* output, cudaStream_t stream, int call) const {
    const CutlassProblem problem{m_,
                                 weights_.layer().n,
                                 weights_.layer().k,
                                 q_.data(),
                                 weights_.weight(call),
                                 scale_.data(),
                                 weights_.scale(),
                                 output};
    check(launch_(problem, stream));
  }

 private:
  const LayerWeights& weights_;
  std::int64_t m_;
  DeviceBuffer<std::int8_t> q_;
  DeviceBuffer<float> scale_;
  CutlassLauncher launch_;
};

class CutlassDecoder {
 public:
  explicit CutlassDecoder(const DecoderProblem& problem)
      : problem_(problem),
        qkv_(problem.qkv, problem.m),
        o_(problem.o, problem.m),
        gate_up_(problem.gate_up, problem.m),
        down_(problem.down, problem.m) {}

  void enqueue(cudaStream_t stream, int call) const {
    const DecoderActivations& a = problem_.a;
    enqueue_norm(problem_, a.x, a.residual, a.residual_1, qkv_.input(), stream);
    qkv_.multiply(a.qkv.data(), stream, call);
    o_.quantize(a.attention.data(), stream);
    o_.multiply(a.o.data(), stream, call);
    enqueue_norm(problem_, a.o, a.residual_1, a.residual_2, gate_up_.input(), stream);
    gate_up_.multiply(a.gate_up.data(), stream, call);
    check(silu_multiply(a.gate_up.data(), problem_.m, problem_.shape.down.k,
                        RowOutput<Bf16>{a.gated.data()}, stream));
    down_.quantize(a.gated.data(), stream);
    down_.multiply(a.down.data(), stream, call);
  }

 private:
  const DecoderProblem& problem_;
  CutlassLinear qkv_;
  CutlassLinear o_;
  CutlassLinear gate_up_;
  CutlassLinear down_;
};

EnqueueCall prepare(DecoderProblem& problem, const Bench& bench) {
  const auto layer = std::make_shared<const CutlassDecoder>(problem);
  layer->enqueue(bench.stream, 0);
  check(cudaStreamSynchronize(bench.stream));
  return [layer](cudaStream_t stream, int call) { layer->enqueue(stream, call); };
}

}  // namespace

void add_cutlass_decoders(DecoderVariants& variants) {
  if (compute_capability_major() != 9) return;
  variants.push_back({"cutlass_int8", kBound, prepare});
}

}  // namespace qlinear::benchmark
