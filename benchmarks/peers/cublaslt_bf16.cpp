#include <peers/cublaslt_matmul.hpp>
#include <peers/peers.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace qlinear::benchmark {
namespace {

/// How far a bf16 layer may be from the quantized one, relative and in the Frobenius norm. A row of
/// K standard normal numbers has a maximum of four to five; rounding to 1/127 of it leaves an error
/// of maximum / 127 / sqrt(12), about 0.011, and rounding the weights to bf16 adds 0.001.
constexpr double kBound = 0.02;

class CublasLtBf16 : public TimedCase {
 public:
  std::string name() const override { return "cublaslt_bf16"; }
  Work work() const override { return Work::Linear; }
  int rotation(const Workload& workload) const override { return workload.weights().bf16_copies(); }
  void prepare(Workload& workload, const GraphTimer& timer) override {
    matmul_.emplace(handle_, kBf16Matmul, workload.m(), workload.n(), workload.k());
    matmul_->search(timer, rotation(workload), [&](int call) { return operands(workload, call); });
  }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    matmul_->enqueue(operands(workload, call), stream);
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_output();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_output_within(kBound);
  }

 private:
  static CublasLtOperands operands(Workload& workload, int call) {
    return {workload.activation(call), workload.weights().bf16_weight(call), workload.output(call)};
  }

  CublasLtHandle handle_;
  std::optional<CublasLtMatmul> matmul_;
};

}  // namespace

void add_cublaslt_bf16(TimedCases& cases) { cases.push_back(std::make_unique<CublasLtBf16>()); }

}  // namespace qlinear::benchmark
