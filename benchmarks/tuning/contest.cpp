#include <tuning/contest.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <stdexcept>

namespace qlinear::benchmark {
namespace {

/// A probe this many times slower than the best ends a contender's part.
constexpr double kHopeless = 1.3;

TimingBudget part_of_row(const Effort& effort, double share, int min_replays, int max_replays) {
  const TimingBudget budget =
      TimingBudget::of(share * effort.row_seconds, min_replays, max_replays);
  return effort.settles ? budget.settled() : budget;
}

/// Times `contenders` in turns.
void compare(const std::vector<const Contender*>& contenders, int rotation, const GraphTimer& timer,
             const TimingBudget& budget, Verdict& verdict) {
  std::vector<TimedGraph> graphs;
  for (const Contender* contender : contenders) {
    graphs.push_back(timer.prepare(rotation, contender->enqueue, budget));
  }
  const std::vector<Timing> timings = timer.time_in_turns(graphs);
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    verdict.seconds[contenders[i]->name] = timings[i].seconds_per_call.median;
  }
}

/// The choice, and all that a probe shows to be near the best.
std::vector<const Contender*> hopeful(const std::vector<Contender>& contenders,
                                      const Verdict& verdict) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [name, seconds] : verdict.seconds) best = std::min(best, seconds);
  std::vector<const Contender*> found;
  for (const Contender& contender : contenders) {
    if (found.empty() || verdict.seconds.at(contender.name) < kHopeless * best) {
      found.push_back(&contender);
    }
  }
  return found;
}

}  // namespace

Verdict hold_contest(const std::string& problem, const std::vector<Contender>& contenders,
                     int rotation, const GraphTimer& timer, const Effort& effort) {
  if (contenders.empty()) throw std::invalid_argument(problem + ": no kernel takes it");
  Verdict verdict;
  verdict.problem = problem;
  verdict.choice = contenders.front().name;
  for (const Contender& contender : contenders) {
    contender.verify();
    verdict.seconds[contender.name] = timer.probe(rotation, contender.enqueue);
    if (contender.expected_clocks > 0) {
      verdict.expected_clocks[contender.name] = contender.expected_clocks;
    }
  }
  const std::vector<const Contender*> rivals = hopeful(contenders, verdict);
  compare(rivals, rotation, timer, part_of_row(effort, 0.2, 3, 10), verdict);
  const auto seconds = [&](const Contender* contender) {
    return verdict.seconds.at(contender->name);
  };
  const Contender* best = *std::min_element(
      rivals.begin(), rivals.end(),
      [&](const Contender* a, const Contender* b) { return seconds(a) < seconds(b); });
  const auto judge = [&] {
    verdict.best = best->name;
    verdict.choice_seconds = seconds(rivals.front());
    verdict.best_seconds = seconds(best);
  };
  judge();
  if (verdict.loss() > kAllowedLoss) {
    compare({rivals.front(), best}, rotation, timer, part_of_row(effort, 0.75, 7, 20), verdict);
    judge();
  }
  return verdict;
}

}  // namespace qlinear::benchmark
