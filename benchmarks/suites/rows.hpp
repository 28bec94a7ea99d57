#pragma once

#include <benchmark/benchmark.h>
#include <harness/bench.hpp>
#include <harness/subject.hpp>
#include <suites/cliffs.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// Registers a row with Google Benchmark for every layer, M and subject that the options ask for,
/// and for the sweep. The subjects of one layer and M are verified, then timed in turns, when the
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
    std::vector<Subject*> subjects;
  };
  struct Outcome {
    Timing timing;
    std::string label;
    std::string error;  ///< Empty where there is a timing.
  };
  using SharedProblem = std::shared_ptr<const Problem>;

  void register_problem(const LayerShape& layer, std::int64_t m);
  void register_row(const SharedProblem& problem, Subject& subject);
  void run_row(const SharedProblem& problem, Subject& subject, ::benchmark::State& state);
  /// All of the problem's subjects whose rows will be run, `asked_for` among them.
  void measure(const Problem& problem, const Subject& asked_for);
  /// Captures the verified subject, or says in its outcome why it could not.
  TimedGraph prepare(const Problem& problem, Subject& subject, Outcome& outcome);

  Bench& bench_;
  Subjects library_;
  Subjects peers_;
  SharedProblem measured_;                      ///< Whose outcomes these are:
  std::map<const Subject*, Outcome> outcomes_;  ///< Each goes when its row has told it.
  std::vector<SweepPoint> sweep_;
};

}  // namespace qlinear::benchmark
