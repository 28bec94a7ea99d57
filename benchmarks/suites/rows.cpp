#include <benchmark/benchmark.h>
#include <suites/rows.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <regex>
#include <string>
#include <utility>

namespace qlinear::benchmark {
namespace {

std::string row_name(const LayerShape& layer, std::int64_t m, const TimedCase& timed) {
  return row_prefix(layer, m) + timed.name();
}

/// Whether the filter on the command line lets a row run: Google Benchmark reads it so, and does
/// not tell.
bool is_wanted(const std::string& row) {
  const std::string filter = ::benchmark::GetBenchmarkFilter();
  if (filter.empty() || filter == "all") return true;
  const bool excludes = filter.front() == '-';
  const std::regex pattern(filter.substr(excludes ? 1 : 0), std::regex::extended);
  return std::regex_search(row + "/iterations:1/manual_time", pattern) != excludes;
}

/// What `step` throws; empty where it succeeds.
template <class Step>
std::string failure_of(Step step) {
  try {
    step();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

void report(const Bench& bench, const LayerShape& layer, std::int64_t m, Work work,
            const Timing& timing, ::benchmark::State& state) {
  const double seconds = timing.seconds_per_call.median;
  const double floor = floor_seconds(bench.rates, work, m, layer.n, layer.k);
  state.SetIterationTime(seconds);
  const auto set = [&](const char* name, double value) { state.counters[name] = value; };
  set("m", static_cast<double>(m));
  set("n", static_cast<double>(layer.n));
  set("k", static_cast<double>(layer.k));
  set("floor_us", floor * 1e6);
  set("share_of_floor", floor / seconds);
  set("spread", timing.seconds_per_call.spread());
  set("replays", timing.replays);
  set("calls_per_replay", timing.calls_per_replay);
  set("sm_mhz", timing.clocks.sm_mhz);
  set("memory_mhz", timing.clocks.memory_mhz);
  set("power_watts", timing.clocks.power_watts);
}

}  // namespace

Rows::Rows(Bench& bench) : bench_(bench), library_(make_library_cases()) {
  if (bench.options.epilogues) epilogues_ = make_epilogue_cases();
  for (auto& peer : make_peers()) {
    if (bench.options.wants_peer(peer->name())) peers_.push_back(std::move(peer));
  }
}

TimedGraph Rows::prepare(const Problem& problem, TimedCase& timed, Outcome& outcome) {
  outcome.error = failure_of([&] {
    bench_.cache.workload(problem.layer, problem.m);
    bench_.cache.oracle();
  });
  if (!outcome.error.empty()) {
    bench_.all_correct = false;
    return {};
  }
  Workload& workload = bench_.cache.workload(problem.layer, problem.m);
  // A problem that a peer cannot do is no failure of the benchmark.
  outcome.error = failure_of([&] { timed.prepare(workload, bench_.timer); });
  if (!outcome.error.empty()) return {};
  TimedGraph graph;
  outcome.error = failure_of([&] {
    timed.verify(workload, bench_.cache.oracle());
    const auto call = [&](cudaStream_t stream, int index) {
      timed.enqueue(workload, stream, index);
    };
    graph = bench_.timer.prepare(timed.rotation(workload), call, bench_.row_budget(problem.m));
    outcome.label = timed.label(workload);
  });
  bench_.all_correct &= outcome.error.empty();
  return graph;
}

void Rows::measure(const Problem& problem, const TimedCase& asked_for) {
  outcomes_.clear();
  std::vector<TimedGraph> graphs;
  std::vector<Outcome*> outcomes;
  for (TimedCase* timed : problem.cases) {
    if (timed != &asked_for && !is_wanted(row_name(problem.layer, problem.m, *timed))) continue;
    Outcome& outcome = outcomes_[timed];
    TimedGraph graph = prepare(problem, *timed, outcome);
    if (!outcome.error.empty()) continue;
    graphs.push_back(std::move(graph));
    outcomes.push_back(&outcome);
  }
  const std::string failure = failure_of([&] {
    const std::vector<Timing> timings = bench_.timer.time_in_turns(graphs);
    for (std::size_t i = 0; i < timings.size(); ++i) outcomes[i]->timing = timings[i];
  });
  if (failure.empty()) return;
  bench_.all_correct = false;
  for (Outcome* outcome : outcomes) outcome->error = failure;
}

void Rows::run_row(const SharedProblem& problem, TimedCase& timed, ::benchmark::State& state) {
  if (measured_ != problem || outcomes_.count(&timed) == 0) measure(*problem, timed);
  measured_ = problem;
  const Outcome outcome = std::move(outcomes_.extract(&timed).mapped());
  if (!outcome.error.empty()) {
    state.SkipWithError(outcome.error.c_str());
    return;
  }
  report(bench_, problem->layer, problem->m, timed.work(), outcome.timing, state);
  state.SetLabel(outcome.label);
  if (timed.name() == kLinearCase && bench_.options.sweeps(problem->layer, problem->m)) {
    sweep_.push_back({problem->m, outcome.timing.seconds_per_call.median,
                      floor_seconds(bench_.rates, timed.work(), problem->m, problem->layer.n,
                                    problem->layer.k)});
  }
}

void Rows::register_row(const SharedProblem& problem, TimedCase& timed) {
  const auto row = [this, problem, &timed](::benchmark::State& state) {
    for ([[maybe_unused]] auto iteration : state) run_row(problem, timed, state);
  };
  ::benchmark::RegisterBenchmark(row_name(problem->layer, problem->m, timed).c_str(), row)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(::benchmark::kMicrosecond);
}

void Rows::register_problem(const LayerShape& layer, std::int64_t m) {
  const bool listed = bench_.options.lists(m);
  Problem problem{layer, m, {}};
  for (const auto& timed : library_) {
    const bool in_sweep = timed->work() != Work::Quantize && timed->name() != kConstantWeightsCase;
    if (listed || in_sweep) problem.cases.push_back(timed.get());
  }
  for (const auto& timed : epilogues_) {
    if (listed) problem.cases.push_back(timed.get());
  }
  for (const auto& peer : peers_) {
    if (listed && peer->takes(m, layer)) problem.cases.push_back(peer.get());
  }
  const auto shared = std::make_shared<const Problem>(std::move(problem));
  for (TimedCase* timed : shared->cases) register_row(shared, *timed);
}

void Rows::register_all() {
  for (const LayerShape& layer : bench_.options.layers) {
    for (const std::int64_t m : bench_.options.token_counts_of(layer)) register_problem(layer, m);
  }
}

}  // namespace qlinear::benchmark
