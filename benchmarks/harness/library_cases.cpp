#include <benchmark/device_code.hpp>
#include <harness/library_cases.hpp>
#include <tuning/candidates.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace qlinear::benchmark {
namespace {

/// `multiply` alone, on scratch that holds the quantized activation.
class LibraryGemm : public LibraryLinear {
 public:
  LibraryGemm() : LibraryLinear("qlinear_gemm", "") {}
  Work work() const override { return Work::Gemm; }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    check(plan().multiply(stream, workspace(), workload.args(call)));
  }
};

/// `quantize_activation` alone.
class LibraryQuantize : public LibraryLinear {
 public:
  LibraryQuantize() : LibraryLinear("qlinear_quantize", "") {}
  Work work() const override { return Work::Quantize; }
  std::string label(const Workload&) const override { return ""; }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    check(plan().quantize_activation(stream, workload.args(call)));
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_quantized();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_quantized();
  }
};

/// `multiply` with an option of the epilogue.
class LibraryEpilogue : public LibraryLinear {
 public:
  LibraryEpilogue(const std::string& option, bool bias, EpilogueDescriptor epilogue)
      : LibraryLinear("qlinear_gemm_" + option, ""), bias_(bias), epilogue_(epilogue) {}
  Work work() const override { return Work::Gemm; }
  void prepare(Workload& workload, const GraphTimer& timer) override {
    LibraryLinear::prepare(workload, timer);
    constexpr std::uint32_t kSeed = 77;
    values_ = DeviceBuffer<Bf16>(workload.m() * workload.n());
    check(fill_gaussian(values_.data(), values_.count(), kSeed, workload.stream()));
  }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    QuantizedLinearArgs<Bf16, S8> args = workload.args(call);
    if (bias_) args.bias = {bias(), {workload.n()}, {1}};
    if (epilogue_.residual) {
      args.epilogue.residual = {values_.data(), {workload.m(), workload.n()}, {workload.n(), 1}};
    }
    check(plan().multiply(stream, workspace(), args));
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_output();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_epilogue(epilogue_, bias_ ? bias() : nullptr, values_.data());
  }

 protected:
  QuantizedLinearDescriptor descriptor(const Workload& workload) const override {
    QuantizedLinearDescriptor descriptor = workload.descriptor();
    descriptor.epilogue = epilogue_;
    return descriptor;
  }

 private:
  const Bf16* bias() const { return values_.data(); }

  bool bias_;
  EpilogueDescriptor epilogue_;
  DeviceBuffer<Bf16> values_;  ///< The residual and, in its first row, the bias.
};

}  // namespace

void LibraryLinear::prepare(Workload& workload, const GraphTimer&) {
  PlanPreference preference;
  preference.kernel = kernel_;
  preference.constant_weights = constant_weights_;
  auto plan =
      QuantizedLinearPlan<Bf16, S8>::select(workload.stream(), descriptor(workload), preference);
  check(plan.status());
  plan_ = plan.value();
  const std::size_t bytes = plan_->workspace_size();
  space_ = bytes == 0 ? DeviceBuffer<std::byte>()
                      : DeviceBuffer<std::byte>(static_cast<std::int64_t>(bytes));
}

std::string LibraryLinear::label(const Workload& workload) const {
  return kernel_.empty() ? name_of_choice(workload) : kernel_;
}

void LibraryLinear::enqueue(Workload& workload, cudaStream_t stream, int call) {
  check(plan_->run(stream, workspace(), workload.args(call)));
}

void LibraryLinear::verify(Workload& workload, const Oracle& oracle) {
  oracle.poison_output();
  enqueue(workload, workload.stream(), 0);
  oracle.expect_output();
}

TimedCases make_library_cases() {
  TimedCases cases;
  cases.push_back(std::make_unique<LibraryQuantize>());
  cases.push_back(std::make_unique<LibraryGemm>());
  cases.push_back(std::make_unique<LibraryLinear>(kLinearCase, ""));
  cases.push_back(std::make_unique<LibraryLinear>(kConstantWeightsCase, "", true));
  return cases;
}

TimedCases make_epilogue_cases() {
  TimedCases cases;
  const auto add = [&](const std::string& option, bool bias, EpilogueDescriptor epilogue) {
    cases.push_back(std::make_unique<LibraryEpilogue>(option, bias, epilogue));
  };
  add("bias", true, {});
  add("residual", false, {ActivationFunction::None, false, false, true});
  for (const ActivationFunction function :
       {ActivationFunction::Relu, ActivationFunction::SquaredRelu, ActivationFunction::Silu,
        ActivationFunction::QuickGelu, ActivationFunction::GeluTanh, ActivationFunction::GeluErf}) {
    add(to_string(function), false, {function});
  }
  return cases;
}

}  // namespace qlinear::benchmark
