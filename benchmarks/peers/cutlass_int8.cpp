#include <benchmark/cutlass_int8.hpp>
#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <peers/peers.hpp>
#include <peers/vllm_choice.hpp>

#include <memory>
#include <string>

namespace qlinear::benchmark {
namespace {

class CutlassGemm : public TimedCase {
 public:
  std::string name() const override { return "cutlass_int8_gemm"; }
  Work work() const override { return Work::Gemm; }
  void prepare(Workload& workload, const GraphTimer&) override {
    launch_ = vllm_choice(workload.m(), workload.n());
  }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    const CutlassProblem problem{workload.m(),
                                 workload.n(),
                                 workload.k(),
                                 workload.quantized(call),
                                 workload.weights().weight(call),
                                 workload.activation_scale(call),
                                 workload.weights().scale(),
                                 workload.output(call)};
    check(launch_(problem, stream));
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_output();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_output();
  }

 private:
  CutlassLauncher launch_ = nullptr;
};

class CutlassLinear : public CutlassGemm {
 public:
  std::string name() const override { return "cutlass_int8_linear"; }
  Work work() const override { return Work::Linear; }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    check(two_read_quantize(workload.activation(call), workload.m(), workload.k(),
                            workload.quantized(call), workload.activation_scale(call), stream));
    CutlassGemm::enqueue(workload, stream, call);
  }
};

}  // namespace

void add_cutlass_int8(TimedCases& cases) {
  if (compute_capability_major() != 9) return;
  cases.push_back(std::make_unique<CutlassGemm>());
  cases.push_back(std::make_unique<CutlassLinear>());
}

}  // namespace qlinear::benchmark
