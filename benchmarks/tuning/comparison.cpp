#include <tuning/comparison.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <stdexcept>

namespace qlinear::benchmark {
namespace {

/// A probe this many times slower than the best ends a candidate's part.
constexpr double kHopeless = 1.3;

TimingBudget part_of_row(const Effort& effort, double share, int min_replays, int max_replays) {
  const TimingBudget budget =
      TimingBudget::of(share * effort.row_seconds, min_replays, max_replays);
  return effort.settles ? budget.settled() : budget;
}

/// Times `candidates` in turns.
void compare(const std::vector<const Candidate*>& candidates, int rotation, const GraphTimer& timer,
             const TimingBudget& budget, ComparisonResult& result) {
  std::vector<TimedGraph> graphs;
  for (const Candidate* candidate : candidates) {
    graphs.push_back(timer.prepare(rotation, candidate->enqueue, budget));
  }
  const std::vector<Timing> timings = timer.time_in_turns(graphs);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    result.seconds[candidates[i]->name] = timings[i].seconds_per_call.median;
  }
}

/// The choice, and all that a probe shows to be near the best.
std::vector<const Candidate*> hopeful(const std::vector<Candidate>& candidates,
                                      const ComparisonResult& result) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [name, seconds] : result.seconds) best = std::min(best, seconds);
  std::vector<const Candidate*> found;
  for (const Candidate& candidate : candidates) {
    if (found.empty() || result.seconds.at(candidate.name) < kHopeless * best) {
      found.push_back(&candidate);
    }
  }
  return found;
}

}  // namespace

ComparisonResult compare_candidates(const std::string& problem,
                                    const std::vector<Candidate>& candidates, int rotation,
                                    const GraphTimer& timer, const Effort& effort) {
  if (candidates.empty()) throw std::invalid_argument(problem + ": no kernel takes it");
  ComparisonResult result;
  result.problem = problem;
  result.choice = candidates.front().name;
  for (const Candidate& candidate : candidates) {
    candidate.verify();
    result.seconds[candidate.name] = timer.probe(rotation, candidate.enqueue);
    if (candidate.expected_clocks > 0) {
      result.expected_clocks[candidate.name] = candidate.expected_clocks;
    }
  }
  const std::vector<const Candidate*> rivals = hopeful(candidates, result);
  compare(rivals, rotation, timer, part_of_row(effort, 0.2, 3, 10), result);
  const auto seconds = [&](const Candidate* candidate) {
    return result.seconds.at(candidate->name);
  };
  const Candidate* best = *std::min_element(
      rivals.begin(), rivals.end(),
      [&](const Candidate* a, const Candidate* b) { return seconds(a) < seconds(b); });
  const auto judge = [&] {
    result.best = best->name;
    result.choice_seconds = seconds(rivals.front());
    result.best_seconds = seconds(best);
  };
  judge();
  if (result.loss() > kAllowedLoss) {
    compare({rivals.front(), best}, rotation, timer, part_of_row(effort, 0.75, 7, 20), result);
    judge();
  }
  return result;
}

}  // namespace qlinear::benchmark
