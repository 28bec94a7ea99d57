#include <benchmark/benchmark.h>
#include <selection/cost_model.hpp>
#include <tuning/contenders.hpp>
#include <tuning/tune.hpp>

#include <exception>
#include <set>
#include <string>
#include <utility>

namespace qlinear::benchmark {
namespace {

void report(const Verdict& verdict, ::benchmark::State& state) {
  state.SetIterationTime(verdict.choice_seconds);
  state.counters["loss"] = verdict.loss();
  for (const auto& [name, seconds] : verdict.seconds) state.counters["us/" + name] = seconds * 1e6;
  for (const auto& [name, clocks] : verdict.expected_clocks) {
    state.counters["clocks/" + name] = clocks;
  }
  state.SetLabel("chose " + verdict.choice + ", best " + verdict.best);
}

}  // namespace

Verdict Tune::contest(const LayerShape& layer, std::int64_t m, Work work) {
  Workload& workload = bench_.cache.workload(layer, m);
  const Oracle& oracle = bench_.cache.oracle();
  const auto contenders = work == Work::Quantize
                              ? quantize_contenders(workload, oracle)
                              : linear_contenders(workload, oracle, bench_.options);
  return hold_contest(
      row_prefix(layer, m) + (work == Work::Quantize ? "quantize" : "linear"), contenders,
      workload.rotation(work), bench_.timer,
      {bench_.options.row_seconds, work == Work::Linear && m >= detail::kPowerBoundTokens});
}

void Tune::register_row(const LayerShape& layer, std::int64_t m, Work work) {
  const auto row = [this, layer, m, work](::benchmark::State& state) {
    for ([[maybe_unused]] auto iteration : state) {
      try {
        const Verdict verdict = contest(layer, m, work);
        report(verdict, state);
        verdicts_.push_back(verdict);
        if (work == Work::Linear && bench_.options.sweeps(layer, m)) {
          sweep_.push_back(
              {m, verdict.choice_seconds, floor_seconds(bench_.rates, work, m, layer.n, layer.k)});
        }
      } catch (const std::exception& error) {
        bench_.all_correct = false;
        state.SkipWithError(error.what());
        break;
      }
    }
  };
  const std::string name =
      "tune/" + row_prefix(layer, m) + (work == Work::Quantize ? "quantize" : "linear");
  ::benchmark::RegisterBenchmark(name.c_str(), row)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(::benchmark::kMicrosecond);
}

void Tune::register_all() {
  const Options& options = bench_.options;
  std::set<std::pair<std::int64_t, std::int64_t>> quantized;  // M and K.
  for (const LayerShape& layer : options.layers) {
    for (const std::int64_t m : options.token_counts_of(layer)) {
      register_row(layer, m, Work::Linear);
      if (options.lists(m) && quantized.emplace(m, layer.k).second) {
        register_row(layer, m, Work::Quantize);
      }
    }
  }
}

}  // namespace qlinear::benchmark
