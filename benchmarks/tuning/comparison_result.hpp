#pragma once

#include <map>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// The outcome of timing every kernel for one problem.
struct ComparisonResult {
  std::string problem;
  std::string choice;  ///< What the library chose.
  std::string best;
  double choice_seconds = 0;
  double best_seconds = 0;
  std::map<std::string, double> seconds;          ///< Of each kernel; from a probe where hopeless.
  std::map<std::string, double> expected_clocks;  ///< Of each, by the cost model.

  /// How much slower the choice is than the best: 0.05 for 5 %.
  double loss() const { return choice_seconds / best_seconds - 1; }
};

/// A loss above this is a finding.
inline constexpr double kAllowedLoss = 0.03;

/// The results whose loss exceeds `kAllowedLoss`, largest first.
std::vector<ComparisonResult> findings(std::vector<ComparisonResult> results);

}  // namespace qlinear::benchmark
