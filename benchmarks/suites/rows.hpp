#pragma once

#include <benchmark/benchmark.h>
#include <harness/bench.hpp>
#include <harness/timed_case.hpp>
#include <suites/step_regressions.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// Registers a row with Google Benchmark for every layer, M and case that the options ask for,
/// and for the sweep. The cases of one layer and M are verified, then timed in turns, when the
/// first of their rows is run; counters hold the floor, the share of it and the clocks. `bench` and
/// `rows` must outlive the run.
class Rows {
 public:
  explicit Rows(Bench& bench);
  void register_all();

  /// Times of the whole linear layer over the sweep, in the order of M.
  const std::vector<SweepPoint>& sweep() const noexcept { return sweep_; }

 private:
  struct Problem {
    LayerShape layer;
    std::int64_t m;
    std::vector<TimedCase*> cases;
  };
  struct Outcome {
    Timing timing;
    std::string label;
    std::string error;  ///< Empty where there is a timing.
  };
  using SharedProblem = std::shared_ptr<const Problem>;

  void register_problem(const LayerShape& layer, std::int64_t m);
  void register_row(const SharedProblem& problem, TimedCase& timed);
  void run_row(const SharedProblem& problem, TimedCase& timed, ::benchmark::State& state);
  /// All of the problem's cases whose rows will be run, `asked_for` among them.
  void measure(const Problem& problem, const TimedCase& asked_for);
  /// Captures the verified case, or says in its outcome why it could not.
  TimedGraph prepare(const Problem& problem, TimedCase& timed, Outcome& outcome);

  Bench& bench_;
  TimedCases library_;
  TimedCases epilogues_;
  TimedCases peers_;
  SharedProblem measured_;                        ///< Whose outcomes these are:
  std::map<const TimedCase*, Outcome> outcomes_;  ///< Each goes when its row has told it.
  std::vector<SweepPoint> sweep_;
};

}  // namespace qlinear::benchmark
