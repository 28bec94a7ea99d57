#pragma once

#include <harness/bench.hpp>
#include <suites/step_regressions.hpp>
#include <tuning/comparison.hpp>

#include <vector>

namespace qlinear::benchmark {

/// Registers a row for every problem of the options, each a comparison between all kernels. A row's
/// time is that of the library's choice; its counters hold every candidate's, and the clocks that
/// the cost model expects of it. `bench` and `tune` must outlive the run.
class Tune {
 public:
  explicit Tune(Bench& bench) : bench_(bench) {}
  void register_all();

  const std::vector<ComparisonResult>& results() const noexcept { return results_; }
  /// Times of the choices for the whole linear layer over the sweep, in the order of M.
  const std::vector<SweepPoint>& sweep() const noexcept { return sweep_; }

 private:
  void register_row(const LayerShape& layer, std::int64_t m, Work work);
  ComparisonResult comparison(const LayerShape& layer, std::int64_t m, Work work);

  Bench& bench_;
  std::vector<ComparisonResult> results_;
  std::vector<SweepPoint> sweep_;
};

}  // namespace qlinear::benchmark
