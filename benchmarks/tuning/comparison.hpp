#pragma once

#include <harness/graph_timer.hpp>
#include <tuning/comparison_result.hpp>

#include <functional>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// One way to do a problem.
struct Candidate {
  std::string name;
  EnqueueCall enqueue;
  std::function<void()> verify;  ///< Makes call 0 and throws unless its result is right.
  double expected_clocks = 0;    ///< By the cost model, where it has a say.
};

struct Effort {
  double row_seconds;  ///< Options::row_seconds: a comparison takes a share of it.
  bool settles;        ///< Whether turns are TimingBudget::settled.
};

/// Verifies and probes `candidates`, the first of which is the library's choice, and times in turns
/// those that the probe does not show to be far behind; a loss is confirmed by a longer timing of
/// the choice and the best.
ComparisonResult compare_candidates(const std::string& problem,
                                    const std::vector<Candidate>& candidates, int rotation,
                                    const GraphTimer& timer, const Effort& effort);

}  // namespace qlinear::benchmark
