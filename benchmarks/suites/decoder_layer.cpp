#include <suites/decoder_layer.hpp>

#include <benchmark/benchmark.h>
#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <harness/device_buffer.hpp>
#include <harness/oracle.hpp>
#include <qlinear/plan.hpp>
#include <suites/decoder_problem.hpp>

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace qlinear::benchmark {
namespace {

using Plan = QuantizedLinearPlan<Bf16, S8>;
using Args = QuantizedLinearArgs<Bf16, S8>;

/// One linear with a plan, scratch and a workspace.
class Linear {
 public:
  Linear(const LayerWeights& weights, std::int64_t m, const SourceDescriptor& source,
         const EpilogueDescriptor& epilogue, cudaStream_t stream)
      : weights_(weights),
        m_(m),
        activation_columns_(shape().k * (source.kind == SourceKind::Gated ? 2 : 1)),
        output_columns_(shape().n / (epilogue.gated ? 2 : 1)),
        q_(m * shape().k),
        scale_(m),
        plan_(select(source, epilogue, stream)),
        workspace_(static_cast<std::int64_t>(plan_.workspace_size()) + 1) {}

  Args args(const DeviceBuffer<Bf16>& x, const DeviceBuffer<Bf16>& output, int call) const {
    const Bf16* activation = x.data();
    return {matrix(activation, m_, activation_columns_),
            matrix(weights_.weight(call), shape().n, shape().k),
            vector(weights_.scale(), shape().n),
            matrix(output.data(), m_, output_columns_),
            matrix(q_.data(), m_, shape().k),
            vector(scale_.data(), m_)};
  }

  /// Without `quantizes`, what the last call with it left is multiplied.
  void run(cudaStream_t stream, const Args& args, bool quantizes) const {
    check(quantizes ? plan_.run(stream, workspace(), args)
                    : plan_.multiply(stream, workspace(), args));
  }

 private:
  const LayerShape& shape() const { return weights_.layer(); }
  Plan select(const SourceDescriptor& source, const EpilogueDescriptor& epilogue,
              cudaStream_t stream) const {
    QuantizedLinearDescriptor descriptor;
    descriptor.m = m_;
    descriptor.c_out = shape().n;
    descriptor.k = shape().k;
    descriptor.source = source;
    descriptor.epilogue = epilogue;
    PlanPreference preference;
    preference.constant_weights = true;
    const auto plan = Plan::select(stream, descriptor, preference);
    check(plan.status());
    return plan.value();
  }
  Workspace workspace() const { return {workspace_.data(), plan_.workspace_size()}; }

  const LayerWeights& weights_;
  std::int64_t m_;
  std::int64_t activation_columns_;
  std::int64_t output_columns_;
  DeviceBuffer<S8> q_;
  DeviceBuffer<float> scale_;
  Plan plan_;
  DeviceBuffer<std::byte> workspace_;
};

/// Who computes the norms: the linear that reads them, a kernel of its own, or nobody.
enum class Norms { Source, Kernel, None };
/// Who computes the gates: `down`, `gate_up`, a kernel of its own, or nobody.
enum class Gates { Source, Epilogue, Kernel, None };

struct Form {
  Norms norms;
  Gates gates;
};

SourceDescriptor norm_source(const Form& form) {
  SourceDescriptor source;
  if (form.norms != Norms::Source) return source;
  source.kind = SourceKind::RmsNorm;
  source.residual = true;
  source.eps = kNormEps;
  return source;
}

SourceDescriptor gated_source(const Form& form) {
  SourceDescriptor source;
  if (form.gates != Gates::Source) return source;
  source.kind = SourceKind::Gated;
  source.function = ActivationFunction::Silu;
  return source;
}

EpilogueDescriptor gated_epilogue(const Form& form) {
  EpilogueDescriptor epilogue;
  if (form.gates != Gates::Epilogue) return epilogue;
  epilogue.activation = ActivationFunction::Silu;
  epilogue.gated = true;
  return epilogue;
}

/// The library's four linears, with as much of what stands between them as `Form` fuses.
class LibraryDecoder {
 public:
  LibraryDecoder(const DecoderProblem& problem, const Form& form, cudaStream_t stream)
      : problem_(problem),
        form_(form),
        qkv_(problem.qkv, problem.m, norm_source(form), {}, stream),
        o_(problem.o, problem.m, {}, {}, stream),
        gate_up_(problem.gate_up, problem.m, norm_source(form), gated_epilogue(form), stream),
        down_(problem.down, problem.m, gated_source(form), {}, stream) {}

  void enqueue(cudaStream_t stream, int call, bool quantizes) const {
    const DecoderActivations& a = problem_.a;
    norm(a.x, a.residual, a.residual_1, stream);
    qkv_.run(stream, with_norm(qkv_, a.x, a.residual, a.residual_1, a.qkv, call), quantizes);
    o_.run(stream, o_.args(a.attention, a.o, call), quantizes);
    norm(a.o, a.residual_1, a.residual_2, stream);
    const auto& gate_up = form_.gates == Gates::Epilogue ? a.gated : a.gate_up;
    gate_up_.run(stream, with_norm(gate_up_, a.o, a.residual_1, a.residual_2, gate_up, call),
                 quantizes);
    if (form_.gates == Gates::Kernel) {
      check(silu_multiply(a.gate_up.data(), problem_.m, problem_.shape.down.k,
                          RowOutput<Bf16>{a.gated.data()}, stream));
    }
    const auto& gated = form_.gates == Gates::Source ? a.gate_up : a.gated;
    down_.run(stream, down_.args(gated, a.down, call), quantizes);
  }

 private:
  /// Writes `normed`, where a kernel of its own does.
  void norm(const DeviceBuffer<Bf16>& x, const DeviceBuffer<Bf16>& residual,
            const DeviceBuffer<Bf16>& residual_out, cudaStream_t stream) const {
    if (form_.norms != Norms::Kernel) return;
    enqueue_norm(problem_, x, residual, residual_out, RowOutput<Bf16>{problem_.a.normed.data()},
                 stream);
  }
  /// Of a linear that reads the norm of x + residual: computes it, or finds it in `normed`.
  Args with_norm(const Linear& linear, const DeviceBuffer<Bf16>& x,
                 const DeviceBuffer<Bf16>& residual, const DeviceBuffer<Bf16>& residual_out,
                 const DeviceBuffer<Bf16>& output, int call) const {
    if (form_.norms != Norms::Source) return linear.args(problem_.a.normed, output, call);
    Args args = linear.args(x, output, call);
    const std::int64_t hidden = problem_.shape.hidden;
    args.source.norm_weight = tensor_view(vector(problem_.a.norm_weight.data(), hidden));
    args.source.residual = tensor_view(matrix(residual.data(), problem_.m, hidden));
    args.source.residual_out = tensor_view(matrix(residual_out.data(), problem_.m, hidden));
    return args;
  }

  const DecoderProblem& problem_;
  Form form_;
  Linear qkv_;
  Linear o_;
  Linear gate_up_;
  Linear down_;
};

DecoderVariant variant(const char* name, const Form& form, std::optional<double> bound,
                       bool quantizes = true) {
  const auto prepare = [form, quantizes](DecoderProblem& problem,
                                         const Bench& bench) -> EnqueueCall {
    const auto layer = std::make_shared<const LibraryDecoder>(problem, form, bench.stream);
    layer->enqueue(bench.stream, 0, true);
    check(cudaStreamSynchronize(bench.stream));
    return [layer, quantizes](cudaStream_t stream, int call) {
      layer->enqueue(stream, call, quantizes);
    };
  };
  return {name, bound, prepare};
}

/// What `fused` gave, on the device.
class Expected {
 public:
  Expected(DecoderProblem& problem, cudaStream_t stream)
      : problem_(problem),
        stream_(stream),
        qkv_(problem.a.qkv.count()),
        down_(problem.a.down.count()) {
    copy(problem.a.qkv, qkv_);
    copy(problem.a.down, down_);
  }

  /// Makes a call and compares, where the variant is a whole layer.
  void check_variant(const DecoderVariant& variant, const EnqueueCall& call) const {
    if (!variant.bound) return;
    for (const DeviceBuffer<Bf16>* output : {&problem_.a.qkv, &problem_.a.down}) {
      constexpr int kNan = 0xff;
      check(cudaMemsetAsync(output->data(), kNan, output->bytes(), stream_));
    }
    call(stream_, 0);
    expect_within(problem_.a.qkv.data(), qkv_.data(), qkv_.count(), *variant.bound, "qkv", stream_);
    expect_within(problem_.a.down.data(), down_.data(), down_.count(), *variant.bound, "down",
                  stream_);
  }

 private:
  void copy(const DeviceBuffer<Bf16>& from, const DeviceBuffer<Bf16>& to) const {
    check(cudaMemcpyAsync(to.data(), from.data(), from.bytes(), cudaMemcpyDeviceToDevice, stream_));
  }

  const DecoderProblem& problem_;
  cudaStream_t stream_;
  DeviceBuffer<Bf16> qkv_;
  DeviceBuffer<Bf16> down_;
};

/// What became of a variant: a timing, or the reason why there is none.
struct Outcome {
  std::string error;
  Timing timing;
};

/// All variants of one layer with M tokens, measured in turns when the first of their rows runs.
class DecoderRows {
 public:
  DecoderRows(Bench& bench, const DecoderShape& shape, std::int64_t m,
              std::shared_ptr<const DecoderVariants> variants)
      : bench_(bench), shape_(shape), m_(m), variants_(std::move(variants)) {}

  void run_row(std::size_t index, ::benchmark::State& state) {
    if (outcomes_.empty()) measure();
    const Outcome& outcome = outcomes_.at(index);
    if (!outcome.error.empty()) {
      state.SkipWithError(outcome.error.c_str());
      return;
    }
    report(outcome.timing, state);
  }

 private:
  /// Empty where `step` succeeds.
  template <class Step>
  std::string failure_of(bool is_failure, Step step) {
    try {
      step();
      return "";
    } catch (const std::exception& error) {
      if (is_failure) bench_.all_correct = false;
      return error.what();
    }
  }

  void measure() {
    outcomes_.resize(variants_->size());
    std::vector<TimedGraph> graphs;
    std::vector<Outcome*> measured;
    const std::string failure = failure_of(true, [&] {
      DecoderProblem problem(shape_, m_, bench_.device.l2_bytes, bench_.stream);
      std::unique_ptr<const Expected> expected;
      // What graphs read must live until they have been timed.
      std::vector<EnqueueCall> calls(variants_->size());
      for (std::size_t i = 0; i < variants_->size(); ++i) {
        const DecoderVariant& variant = variants_->at(i);
        Outcome& outcome = outcomes_[i];
        // A problem that a peer cannot do is no failure of the benchmark.
        outcome.error =
            failure_of(!variant.peer, [&] { calls[i] = variant.prepare(problem, bench_); });
        if (!outcome.error.empty()) continue;
        outcome.error = failure_of(true, [&] {
          if (i == 0) expected = std::make_unique<Expected>(problem, bench_.stream);
          if (expected == nullptr) throw std::runtime_error("there is no fused layer to compare");
          expected->check_variant(variant, calls[i]);
          constexpr int kRotation = 2;  // A layer's weights exceed the L2.
          graphs.push_back(bench_.timer.prepare(kRotation, calls[i], bench_.row_budget(m_)));
          measured.push_back(&outcome);
        });
      }
      const std::vector<Timing> timings = bench_.timer.time_in_turns(graphs);
      for (std::size_t i = 0; i < timings.size(); ++i) measured[i]->timing = timings[i];
    });
    if (failure.empty()) return;
    for (Outcome& outcome : outcomes_) {
      if (outcome.error.empty()) outcome.error = failure;
    }
  }

  void report(const Timing& timing, ::benchmark::State& state) const {
    const double floor = floor_seconds(bench_.rates, shape_, m_);
    const double seconds = timing.seconds_per_call.median;
    state.SetIterationTime(seconds);
    state.counters["m"] = static_cast<double>(m_);
    state.counters["floor_us"] = floor * 1e6;
    state.counters["share_of_floor"] = floor / seconds;
    state.counters["spread"] = timing.seconds_per_call.spread();
    state.counters["sm_mhz"] = static_cast<double>(timing.clocks.sm_mhz);
  }

  Bench& bench_;
  DecoderShape shape_;
  std::int64_t m_;
  std::shared_ptr<const DecoderVariants> variants_;
  std::vector<Outcome> outcomes_;
};

}  // namespace

DecoderVariants library_decoders() {
  // The kernel's norm is rounded to bf16 before it is quantized, and 4 % of q differ by a step.
  // Rows behind a norm have a maximum of eight to fifteen times their root mean square, so that a
  // step is 0.06 to 0.12 of that: 0.018 a linear, and 0.027 to 0.031 of down on an H200.
  constexpr double kOtherRounding = 0.05;
  constexpr double kSameBits = 0;
  return {variant("fused", {Norms::Source, Gates::Source}, kSameBits),
          variant("gated", {Norms::Source, Gates::Epilogue}, kSameBits),
          variant("norms", {Norms::Source, Gates::None}, std::nullopt),
          variant("separate", {Norms::Kernel, Gates::Kernel}, kOtherRounding),
          variant("linears", {Norms::None, Gates::None}, std::nullopt),
          variant("multiplies", {Norms::None, Gates::None}, std::nullopt, false)};
}

void register_decoder_layers(Bench& bench) {
  auto variants = library_decoders();
  for (DecoderVariant& peer : decoder_peers()) {
    if (bench.options.wants_peer(peer.name)) variants.push_back(std::move(peer));
  }
  const auto shared = std::make_shared<const DecoderVariants>(std::move(variants));
  for (const DecoderShape& shape : bench.options.decoders) {
    for (const std::int64_t m : bench.options.token_counts) {
      const auto rows = std::make_shared<DecoderRows>(bench, shape, m, shared);
      for (std::size_t i = 0; i < shared->size(); ++i) {
        const auto row = [rows, i](::benchmark::State& state) {
          for ([[maybe_unused]] auto iteration : state) rows->run_row(i, state);
        };
        const std::string name =
            "decoder_layer/" + shape.name + "/m:" + std::to_string(m) + "/" + shared->at(i).name;
        ::benchmark::RegisterBenchmark(name.c_str(), row)
            ->Iterations(1)
            ->UseManualTime()
            ->Unit(::benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace qlinear::benchmark
