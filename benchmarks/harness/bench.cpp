#include <harness/bench.hpp>
#include <harness/cuda_check.hpp>
#include <selection/cost_model.hpp>

namespace qlinear::benchmark {
namespace {

cudaStream_t make_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreate(&stream));
  return stream;
}

}  // namespace

Workload& WorkloadCache::workload(const LayerShape& layer, std::int64_t m) {
  if (weights_ == nullptr || weights_->layer().name != layer.name) {
    oracle_.reset();
    workload_.reset();
    weights_.reset();
    weights_ = std::make_unique<LayerWeights>(layer, l2_bytes_, stream_);
  }
  if (workload_ == nullptr || workload_->m() != m) {
    oracle_.reset();
    workload_.reset();
    workload_ = std::make_unique<Workload>(*weights_, m, l2_bytes_, stream_);
  }
  return *workload_;
}

const Oracle& WorkloadCache::oracle() {
  if (oracle_ == nullptr) oracle_ = std::make_unique<Oracle>(*workload_);
  return *oracle_;
}

Bench::Bench(const Options& requested)
    : options(requested),
      device(current_device()),
      clocks(device.pci_bus_id),
      stream(make_stream()),
      timer(stream, clocks),
      rates(requested.rates ? *requested.rates : measure_machine(device, timer)),
      cache(device.l2_bytes, stream) {}

Bench::~Bench() { (void)cudaStreamDestroy(stream); }

TimingBudget Bench::row_budget(std::int64_t m) const {
  const TimingBudget budget = TimingBudget::of(options.row_seconds, 5, 50);
  return m >= detail::kPowerBoundTokens ? budget.settled() : budget;
}

std::string row_prefix(const LayerShape& layer, std::int64_t m) {
  return layer.name + "/m:" + std::to_string(m) + "/";
}

}  // namespace qlinear::benchmark
