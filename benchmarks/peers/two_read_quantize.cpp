#include <benchmark/device_code.hpp>
#include <peers/peers.hpp>

#include <memory>

namespace qlinear::benchmark {
namespace {

class TwoReadQuantize : public TimedCase {
 public:
  std::string name() const override { return "two_read_quantize"; }
  Work work() const override { return Work::Quantize; }
  void prepare(Workload&, const GraphTimer&) override {}
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    check(two_read_quantize(workload.activation(call), workload.m(), workload.k(),
                            workload.quantized(call), workload.activation_scale(call), stream));
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_quantized();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_quantized();
  }
};

}  // namespace

void add_two_read_quantize(TimedCases& cases) {
  cases.push_back(std::make_unique<TwoReadQuantize>());
}

}  // namespace qlinear::benchmark
