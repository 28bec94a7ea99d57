#pragma once

#include <harness/clocks.hpp>
#include <harness/graph_timer.hpp>
#include <harness/machine.hpp>
#include <harness/options.hpp>
#include <harness/oracle.hpp>
#include <harness/workload.hpp>

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

namespace qlinear::benchmark {

/// The buffers of the row at hand. Rows follow each other by layer, then M, so each is made once.
class WorkloadCache {
 public:
  WorkloadCache(std::int64_t l2_bytes, cudaStream_t stream)
      : l2_bytes_(l2_bytes), stream_(stream) {}

  Workload& workload(const LayerShape& layer, std::int64_t m);
  /// Of the workload last asked for.
  const Oracle& oracle();

 private:
  std::int64_t l2_bytes_;
  cudaStream_t stream_;
  std::unique_ptr<LayerWeights> weights_;
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<Oracle> oracle_;
};

/// What every row shares.
struct Bench {
  explicit Bench(const Options& options);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Options options;
  Device device;
  ClockMonitor clocks;
  cudaStream_t stream;
  GraphTimer timer;
  MachineRates rates;
  WorkloadCache cache;
  bool all_correct = true;  ///< Falls when a result was wrong.

  TimingBudget row_budget(std::int64_t m) const;
};

/// "8b_o/m:16/", the start of every row's name.
std::string row_prefix(const LayerShape& layer, std::int64_t m);

}  // namespace qlinear::benchmark
