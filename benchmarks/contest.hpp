#pragma once

#include <graph_timer.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// One way to do a problem.
struct Contender {
  std::string name;
  EnqueueCall enqueue;
  std::function<void()> verify;  ///< Makes call 0 and throws unless its result is right.
};

/// The outcome of timing every contender for one problem.
struct Verdict {
  std::string problem;
  std::string choice;  ///< What the library chose.
  std::string best;
  double choice_seconds = 0;
  double best_seconds = 0;
  std::map<std::string, double> seconds;  ///< Of each contender; from a probe where hopeless.

  /// How much slower the choice is than the best: 0.05 for 5 %.
  double loss() const { return choice_seconds / best_seconds - 1; }
};

/// A loss above this is a finding.
inline constexpr double kAllowedLoss = 0.05;

/// Verifies and times `contenders`, the first of which is the library's choice. One that a probe
/// shows to be far behind is not timed further; a loss is confirmed by a second, longer timing of
/// the two.
Verdict hold_contest(const std::string& problem, const std::vector<Contender>& contenders,
                     int rotation, const GraphTimer& timer);

/// The verdicts whose loss exceeds `kAllowedLoss`, largest first.
std::vector<Verdict> findings(std::vector<Verdict> verdicts);

}  // namespace qlinear::benchmark
