#include <harness/library_cases.hpp>
#include <tuning/candidates.hpp>

#include <cstddef>
#include <memory>

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

}  // namespace

void LibraryLinear::prepare(Workload& workload, const GraphTimer&) {
  PlanPreference preference;
  preference.kernel = kernel_;
  preference.constant_weights = constant_weights_;
  auto plan =
      QuantizedLinearPlan<Bf16, S8>::select(workload.stream(), workload.descriptor(), preference);
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

}  // namespace qlinear::benchmark
