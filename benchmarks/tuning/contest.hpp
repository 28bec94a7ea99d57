#pragma once

#include <harness/graph_timer.hpp>
#include <tuning/verdict.hpp>

#include <functional>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// One way to do a problem.
struct Contender {
  std::string name;
  EnqueueCall enqueue;
  std::function<void()> verify;  ///< Makes call 0 and throws unless its result is right.
  double expected_clocks = 0;    ///< By the cost model, where it has a say.
};

struct Effort {
  double row_seconds;  ///< Options::row_seconds: a contest takes a share of it.
  bool settles;        ///< Whether turns are TimingBudget::settled.
};

/// Verifies and probes `contenders`, the first of which is the library's choice, and times in turns
/// those that the probe does not show to be far behind; a loss is confirmed by a longer timing of
/// the choice and the best.
Verdict hold_contest(const std::string& problem, const std::vector<Contender>& contenders,
                     int rotation, const GraphTimer& timer, const Effort& effort);

}  // namespace qlinear::benchmark
