#include <suites/decoder_layer.hpp>

#include <benchmark/benchmark.h>
#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <harness/device_buffer.hpp>
#include <qlinear/plan.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::benchmark {
namespace {

using Plan = QuantizedLinearPlan<Bf16, S8>;
constexpr double kEps = 1e-5;

/// Activations of a layer with M tokens. Nothing that a call reads is written by another, so that
/// all calls compute the same.
struct Activations {
  Activations(const DecoderShape& shape, std::int64_t m, cudaStream_t stream)
      : x(m * shape.hidden),
        residual(m * shape.hidden),
        attention(m * shape.o.k),
        norm_weight(shape.hidden),
        residual_1(m * shape.hidden),
        residual_2(m * shape.hidden),
        normed(m * shape.hidden),
        qkv(m * shape.qkv.n),
        o(m * shape.hidden),
        gate_up(m * shape.gate_up.n),
        gated(m * shape.down.k),
        down(m * shape.hidden) {
    std::uint32_t seed = 11;
    for (DeviceBuffer<Bf16>* buffer : {&x, &residual, &attention, &norm_weight, &o, &gate_up}) {
      check(fill_gaussian(buffer->data(), buffer->count(), seed++, stream));
    }
  }

  DeviceBuffer<Bf16> x, residual, attention, norm_weight;
  DeviceBuffer<Bf16> residual_1, residual_2, normed, qkv, o, gate_up, gated, down;
};

/// One linear with a plan, scratch and a workspace.
class Linear {
 public:
  Linear(const LayerShape& shape, std::int64_t m, const SourceDescriptor& source, Bench& bench)
      : shape_(shape),
        m_(m),
        weights_(shape, bench.device.l2_bytes, bench.stream),
        q_(m * shape.k),
        scale_(m),
        plan_(select(source, bench.stream)),
        workspace_(static_cast<std::int64_t>(plan_.workspace_size()) + 1) {}

  int copies() const { return weights_.copies(); }

  QuantizedLinearArgs<Bf16, S8> args(const Bf16* x, std::int64_t columns, Bf16* output,
                                     int call) const {
    QuantizedLinearArgs<Bf16, S8> args{matrix(x, m_, columns),
                                       matrix(weights_.weight(call), shape_.n, shape_.k),
                                       vector(weights_.scale(), shape_.n),
                                       matrix(output, m_, shape_.n),
                                       matrix(q_.data(), m_, shape_.k),
                                       vector(scale_.data(), m_)};
    return args;
  }

  void run(cudaStream_t stream, const QuantizedLinearArgs<Bf16, S8>& args) const {
    check(plan_.run(stream, workspace(), args));
  }
  void multiply(cudaStream_t stream, const QuantizedLinearArgs<Bf16, S8>& args) const {
    check(plan_.multiply(stream, workspace(), args));
  }

 private:
  Plan select(const SourceDescriptor& source, cudaStream_t stream) const {
    QuantizedLinearDescriptor descriptor;
    descriptor.m = m_;
    descriptor.c_out = shape_.n;
    descriptor.k = shape_.k;
    descriptor.source = source;
    PlanPreference preference;
    preference.constant_weights = true;
    const auto plan = Plan::select(stream, descriptor, preference);
    check(plan.status());
    return plan.value();
  }
  Workspace workspace() const { return {workspace_.data(), plan_.workspace_size()}; }

  LayerShape shape_;
  std::int64_t m_;
  LayerWeights weights_;
  DeviceBuffer<S8> q_;
  DeviceBuffer<float> scale_;
  Plan plan_;
  DeviceBuffer<std::byte> workspace_;
};

SourceDescriptor norm_source() {
  SourceDescriptor source;
  source.kind = SourceKind::RmsNorm;
  source.residual = true;
  source.eps = kEps;
  return source;
}

SourceDescriptor gated_source() {
  SourceDescriptor source;
  source.kind = SourceKind::Gated;
  source.function = ActivationFunction::Silu;
  return source;
}

/// The four linears, with or without fused sources.
class DecoderLayer {
 public:
  DecoderLayer(const DecoderShape& shape, std::int64_t m, bool fused, Bench& bench)
      : shape_(shape),
        m_(m),
        a_(shape, m, bench.stream),
        qkv_(shape.qkv, m, fused ? norm_source() : SourceDescriptor{}, bench),
        o_(shape.o, m, {}, bench),
        gate_up_(shape.gate_up, m, fused ? norm_source() : SourceDescriptor{}, bench),
        down_(shape.down, m, fused ? gated_source() : SourceDescriptor{}, bench) {}

  void run_fused(cudaStream_t stream, int call) const {
    qkv_.run(stream, with_norm(qkv_, a_.x, a_.residual, a_.residual_1, a_.qkv, call));
    o_.run(stream, o_args(call));
    gate_up_.run(stream, with_norm(gate_up_, a_.o, a_.residual_1, a_.residual_2, a_.gate_up, call));
    down_.run(stream, down_.args(a_.gate_up.data(), 2 * shape_.down.k, a_.down.data(), call));
  }

  void run_separate(cudaStream_t stream, int call) const {
    norm(stream, a_.x, a_.residual, a_.residual_1);
    qkv_.run(stream, qkv_.args(a_.normed.data(), shape_.hidden, a_.qkv.data(), call));
    o_.run(stream, o_args(call));
    norm(stream, a_.o, a_.residual_1, a_.residual_2);
    gate_up_.run(stream, gate_up_.args(a_.normed.data(), shape_.hidden, a_.gate_up.data(), call));
    check(silu_multiply(a_.gate_up.data(), m_, shape_.down.k, a_.gated.data(), stream));
    down_.run(stream, down_args(call));
  }

  void run_linears(cudaStream_t stream, int call) const {
    qkv_.run(stream, qkv_.args(a_.normed.data(), shape_.hidden, a_.qkv.data(), call));
    o_.run(stream, o_args(call));
    gate_up_.run(stream, gate_up_.args(a_.normed.data(), shape_.hidden, a_.gate_up.data(), call));
    down_.run(stream, down_args(call));
  }

  void multiply(cudaStream_t stream, int call) const {
    qkv_.multiply(stream, qkv_.args(a_.normed.data(), shape_.hidden, a_.qkv.data(), call));
    o_.multiply(stream, o_args(call));
    gate_up_.multiply(stream,
                      gate_up_.args(a_.normed.data(), shape_.hidden, a_.gate_up.data(), call));
    down_.multiply(stream, down_args(call));
  }

 private:
  QuantizedLinearArgs<Bf16, S8> with_norm(const Linear& linear, const DeviceBuffer<Bf16>& x,
                                          const DeviceBuffer<Bf16>& residual,
                                          const DeviceBuffer<Bf16>& residual_out,
                                          const DeviceBuffer<Bf16>& output, int call) const {
    auto args = linear.args(x.data(), shape_.hidden, output.data(), call);
    args.source.norm_weight = tensor_view(vector(a_.norm_weight.data(), shape_.hidden));
    args.source.residual = tensor_view(matrix(residual.data(), m_, shape_.hidden));
    args.source.residual_out = tensor_view(matrix(residual_out.data(), m_, shape_.hidden));
    return args;
  }
  QuantizedLinearArgs<Bf16, S8> o_args(int call) const {
    return o_.args(a_.attention.data(), shape_.o.k, a_.o.data(), call);
  }
  QuantizedLinearArgs<Bf16, S8> down_args(int call) const {
    return down_.args(a_.gated.data(), shape_.down.k, a_.down.data(), call);
  }
  void norm(cudaStream_t stream, const DeviceBuffer<Bf16>& x, const DeviceBuffer<Bf16>& residual,
            const DeviceBuffer<Bf16>& residual_out) const {
    check(add_rms_norm(x.data(), residual.data(), a_.norm_weight.data(), m_, shape_.hidden,
                       static_cast<float>(kEps), residual_out.data(), a_.normed.data(), stream));
  }

  DecoderShape shape_;
  std::int64_t m_;
  Activations a_;
  Linear qkv_;
  Linear o_;
  Linear gate_up_;
  Linear down_;
};

using Step = void (DecoderLayer::*)(cudaStream_t, int) const;

struct Variant {
  const char* name;
  bool fused;
  Step step;
};

constexpr std::array kVariants = {
    Variant{"fused", true, &DecoderLayer::run_fused},
    Variant{"separate", false, &DecoderLayer::run_separate},
    Variant{"linears", false, &DecoderLayer::run_linears},
    Variant{"multiplies", false, &DecoderLayer::multiply},
};

/// Times all variants of a layer with M tokens in turns.
std::vector<Timing> measure(Bench& bench, const DecoderShape& shape, std::int64_t m) {
  const DecoderLayer fused(shape, m, true, bench);
  const DecoderLayer plain(shape, m, false, bench);
  std::vector<TimedGraph> graphs;
  for (const Variant& variant : kVariants) {
    const DecoderLayer& layer = variant.fused ? fused : plain;
    const auto call = [&](cudaStream_t stream, int index) { (layer.*variant.step)(stream, index); };
    constexpr int kRotation = 2;  // A layer's weights exceed the L2.
    graphs.push_back(bench.timer.prepare(kRotation, call, bench.row_budget(m)));
  }
  return bench.timer.time_in_turns(graphs);
}

void report(const Bench& bench, const DecoderShape& shape, const Timing& timing,
            ::benchmark::State& state) {
  double bytes = 0;
  for (const LayerShape* layer : {&shape.qkv, &shape.o, &shape.gate_up, &shape.down}) {
    bytes += static_cast<double>(layer->n * layer->k);
  }
  const double seconds = timing.seconds_per_call.median;
  state.SetIterationTime(seconds);
  state.counters["weights_us"] = bytes / bench.rates.read_bytes_per_second * 1e6;
  state.counters["share_of_weights"] = bytes / bench.rates.read_bytes_per_second / seconds;
  state.counters["spread"] = timing.seconds_per_call.spread();
  state.counters["sm_mhz"] = static_cast<double>(timing.clocks.sm_mhz);
}

}  // namespace

void register_decoder_layers(Bench& bench) {
  for (const DecoderShape& shape : bench.options.decoders) {
    for (const std::int64_t m : bench.options.token_counts) {
      const auto timings = std::make_shared<std::vector<Timing>>();
      for (std::size_t i = 0; i < kVariants.size(); ++i) {
        const auto row = [&bench, shape, m, i, timings](::benchmark::State& state) {
          for ([[maybe_unused]] auto iteration : state) {
            try {
              if (timings->empty()) *timings = measure(bench, shape, m);
              report(bench, shape, timings->at(i), state);
            } catch (const std::exception& error) {
              bench.all_correct = false;
              state.SkipWithError(error.what());
              break;
            }
          }
        };
        const std::string name =
            "decoder_layer/" + shape.name + "/m:" + std::to_string(m) + "/" + kVariants[i].name;
        ::benchmark::RegisterBenchmark(name.c_str(), row)
            ->Iterations(1)
            ->UseManualTime()
            ->Unit(::benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace qlinear::benchmark
