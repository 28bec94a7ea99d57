#include <benchmark/benchmark.h>
#include <selection/cost_model.hpp>
#include <tuning/candidates.hpp>
#include <tuning/tune.hpp>

#include <exception>
#include <set>
#include <string>
#include <utility>

namespace qlinear::benchmark {
namespace {

void report(const ComparisonResult& result, ::benchmark::State& state) {
  state.SetIterationTime(result.choice_seconds);
  state.counters["loss"] = result.loss();
  for (const auto& [name, seconds] : result.seconds) state.counters["us/" + name] = seconds * 1e6;
  for (const auto& [name, clocks] : result.expected_clocks) {
    state.counters["clocks/" + name] = clocks;
  }
  state.SetLabel("chose " + result.choice + ", best " + result.best);
}

}  // namespace

ComparisonResult Tune::comparison(const LayerShape& layer, std::int64_t m, Work work) {
  Workload& workload = bench_.cache.workload(layer, m);
  const Oracle& oracle = bench_.cache.oracle();
  const auto candidates = work == Work::Quantize
                              ? quantize_candidates(workload, oracle)
                              : linear_candidates(workload, oracle, bench_.options);
  return compare_candidates(
      row_prefix(layer, m) + (work == Work::Quantize ? "quantize" : "linear"), candidates,
      workload.rotation(work), bench_.timer,
      {bench_.options.row_seconds, work == Work::Linear && m >= detail::kPowerBoundTokens});
}

void Tune::register_row(const LayerShape& layer, std::int64_t m, Work work) {
  const auto row = [this, layer, m, work](::benchmark::State& state) {
    for ([[maybe_unused]] auto iteration : state) {
      try {
        const ComparisonResult result = comparison(layer, m, work);
        report(result, state);
        results_.push_back(result);
        if (work == Work::Linear && bench_.options.sweeps(layer, m)) {
          sweep_.push_back(
              {m, result.choice_seconds, floor_seconds(bench_.rates, work, m, layer.n, layer.k)});
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
