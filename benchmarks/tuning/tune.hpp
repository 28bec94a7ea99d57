#pragma once

#include <harness/bench.hpp>
#include <suites/cliffs.hpp>
#include <tuning/contest.hpp>

#include <vector>

namespace qlinear::benchmark {

/// Registers a row for every problem of the options, each a contest between all kernels. A row's
/// time is that of the library's choice; its counters hold every contender's, and the clocks that
/// the cost model expects of it. `bench` and `tune` must outlive the run.
class Tune {
 public:
  explicit Tune(Bench& bench) : bench_(bench) {}
  void register_all();

  const std::vector<Verdict>& verdicts() const noexcept { return verdicts_; }
  /// Times of the choices for the whole linear layer over the sweep, in the order of M.
  const std::vector<SweepPoint>& sweep() const noexcept { return sweep_; }

 private:
  void register_row(const LayerShape& layer, std::int64_t m, Work work);
  Verdict contest(const LayerShape& layer, std::int64_t m, Work work);

  Bench& bench_;
  std::vector<Verdict> verdicts_;
  std::vector<SweepPoint> sweep_;
};

}  // namespace qlinear::benchmark
