#include <harness/timing_budget.hpp>

#include <algorithm>

namespace qlinear::benchmark {

TimingBudget TimingBudget::of(double seconds, int min_replays, int max_replays) {
  TimingBudget budget;
  budget.seconds = seconds;
  budget.graph_seconds = std::max(budget.graph_seconds, seconds / max_replays);
  budget.min_replays = min_replays;
  budget.max_replays = max_replays;
  return budget;
}

TimingBudget TimingBudget::settled() const {
  TimingBudget budget = *this;
  budget.most_rounds = 3;
  budget.settle_seconds = 80e-3;
  constexpr double kTurnSeconds = 40e-3;
  budget.seconds = std::max(seconds, budget.most_rounds * kTurnSeconds);
  budget.graph_seconds = std::max(graph_seconds, kTurnSeconds / 4);
  budget.min_replays = std::max(min_replays, 2 * budget.most_rounds);
  budget.max_replays = std::max(max_replays, budget.min_replays);
  return budget;
}

}  // namespace qlinear::benchmark
