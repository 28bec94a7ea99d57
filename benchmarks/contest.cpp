#include <contest.hpp>

#include <stdexcept>

namespace qlinear::benchmark {
namespace {

constexpr TimingBudget kBudget{4e-3, 1e-3, 3, 10};
constexpr TimingBudget kConfirmBudget{15e-3, 1e-3, 7, 20};
/// A probe this many times slower than the best so far ends a contender's part.
constexpr double kHopeless = 1.3;

double seconds_of(const Contender& contender, int rotation, const GraphTimer& timer,
                  const TimingBudget& budget) {
  return timer.time(rotation, contender.enqueue, budget).seconds_per_call.median;
}

void confirm(const Contender& choice, const Contender& best, int rotation, const GraphTimer& timer,
             Verdict& verdict) {
  std::vector<TimedGraph> graphs;
  graphs.push_back(timer.prepare(rotation, choice.enqueue, kConfirmBudget));
  graphs.push_back(timer.prepare(rotation, best.enqueue, kConfirmBudget));
  const std::vector<Timing> timings = timer.time_in_turns(graphs);
  verdict.choice_seconds = timings[0].seconds_per_call.median;
  verdict.best_seconds = timings[1].seconds_per_call.median;
  verdict.seconds[choice.name] = verdict.choice_seconds;
  verdict.seconds[best.name] = verdict.best_seconds;
}

}  // namespace

Verdict hold_contest(const std::string& problem, const std::vector<Contender>& contenders,
                     int rotation, const GraphTimer& timer) {
  if (contenders.empty()) throw std::invalid_argument(problem + ": no kernel takes it");
  const Contender* best = nullptr;
  Verdict verdict;
  verdict.problem = problem;
  verdict.choice = contenders.front().name;
  for (const Contender& contender : contenders) {
    contender.verify();
    double seconds = timer.probe(rotation, contender.enqueue);
    if (best == nullptr || seconds < kHopeless * verdict.best_seconds) {
      seconds = seconds_of(contender, rotation, timer, kBudget);
    }
    verdict.seconds[contender.name] = seconds;
    if (contender.expected_clocks > 0) {
      verdict.expected_clocks[contender.name] = contender.expected_clocks;
    }
    if (best == nullptr) verdict.choice_seconds = seconds;
    if (best == nullptr || seconds < verdict.best_seconds) {
      best = &contender;
      verdict.best_seconds = seconds;
    }
  }
  verdict.best = best->name;
  if (verdict.loss() > kAllowedLoss) {
    confirm(contenders.front(), *best, rotation, timer, verdict);
  }
  return verdict;
}

}  // namespace qlinear::benchmark
