#include <benchmark/device_code.hpp>
#include <peers/cublaslt_matmul.hpp>
#include <peers/peers.hpp>
#include <qlinear/plan.hpp>

#include <memory>
#include <optional>

namespace qlinear::benchmark {
namespace {

class CublasLtInt8Gemm : public TimedCase {
 public:
  std::string name() const override { return "cublaslt_int8_gemm"; }
  Work work() const override { return Work::Gemm; }
  void prepare(Workload& workload, const GraphTimer& timer) override {
    matmul_.emplace(handle_, kInt8Matmul, workload.m(), workload.n(), workload.k());
    matmul_->search(timer, workload.rotation(Work::Gemm),
                    [&](int call) { return operands(workload, call); });
  }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    matmul_->enqueue(operands(workload, call), stream);
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_accumulator();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_accumulator();
  }

 private:
  static CublasLtOperands operands(Workload& workload, int call) {
    return {workload.quantized(call), workload.weights().weight(call), workload.accumulator(call)};
  }

  CublasLtHandle handle_;
  std::optional<CublasLtMatmul> matmul_;
};

/// Our quantize pass, cuBLASLt, and the pass over the int32 sums that a bare GEMM leaves to do.
class CublasLtInt8Linear : public CublasLtInt8Gemm {
 public:
  std::string name() const override { return "cublaslt_int8_linear"; }
  Work work() const override { return Work::Linear; }
  void prepare(Workload& workload, const GraphTimer& timer) override {
    CublasLtInt8Gemm::prepare(workload, timer);
    const auto plan =
        QuantizedLinearPlan<Bf16, S8>::select(workload.stream(), workload.descriptor());
    check(plan.status());
    plan_ = plan.value();
  }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    check(plan_->quantize_activation(stream, workload.args(call)));
    CublasLtInt8Gemm::enqueue(workload, stream, call);
    check(dequantize(workload.accumulator(call), workload.activation_scale(call),
                     workload.weights().scale(), workload.m(), workload.n(), workload.output(call),
                     stream));
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_accumulator();
    oracle.poison_output();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_output();
  }

 private:
  std::optional<QuantizedLinearPlan<Bf16, S8>> plan_;
};

}  // namespace

void add_cublaslt_int8(TimedCases& cases) {
  cases.push_back(std::make_unique<CublasLtInt8Gemm>());
  cases.push_back(std::make_unique<CublasLtInt8Linear>());
}

}  // namespace qlinear::benchmark
