#pragma once

#include <graph_timer.hpp>
#include <verdict.hpp>

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

/// Verifies and times `contenders`, the first of which is the library's choice. One that a probe
/// shows to be far behind is not timed further; a loss is confirmed by a second, longer timing of
/// the two in turns.
Verdict hold_contest(const std::string& problem, const std::vector<Contender>& contenders,
                     int rotation, const GraphTimer& timer);

}  // namespace qlinear::benchmark
