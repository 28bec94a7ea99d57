#include <benchmark/benchmark.h>
#include <rows.hpp>

#include <exception>
#include <string>

namespace qlinear::benchmark {
namespace {

/// Runs `step`; if it throws, reports that to `state` and returns false.
template <class Step>
bool succeeds(::benchmark::State& state, Step step) {
  try {
    step();
    return true;
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
    return false;
  }
}

/// Verifies, then times. Reports an error to `state` and returns false where either fails.
bool measure(Bench& bench, const LayerShape& layer, std::int64_t m, Subject& subject,
             ::benchmark::State& state, Timing& timing) {
  bench.all_correct &= succeeds(state, [&] {
    bench.cache.workload(layer, m);
    bench.cache.oracle();
  });
  if (state.error_occurred()) return false;
  Workload& workload = bench.cache.workload(layer, m);
  // A problem that a peer cannot do is no failure of the benchmark.
  if (!succeeds(state, [&] { subject.prepare(workload, bench.timer); })) return false;
  const bool correct = succeeds(state, [&] {
    subject.verify(workload, bench.cache.oracle());
    const auto call = [&](cudaStream_t stream, int index) {
      subject.enqueue(workload, stream, index);
    };
    timing = bench.timer.time(subject.rotation(workload), call, bench.row_budget());
  });
  bench.all_correct &= correct;
  return correct;
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

Rows::Rows(Bench& bench) : bench_(bench), library_(make_library_subjects()) {
  for (auto& peer : make_peers()) {
    if (bench.options.wants_peer(peer->name())) peers_.push_back(std::move(peer));
  }
}

void Rows::register_row(const LayerShape& layer, std::int64_t m, Subject& subject) {
  const std::string name = row_prefix(layer, m) + subject.name();
  const bool in_sweep = bench_.options.sweeps(layer, m) && subject.name() == kLinearSubject;
  const auto row = [this, layer, m, &subject, in_sweep](::benchmark::State& state) {
    for ([[maybe_unused]] auto iteration : state) {
      Timing timing;
      if (!measure(bench_, layer, m, subject, state, timing)) break;
      report(bench_, layer, m, subject.work(), timing, state);
      state.SetLabel(subject.label(bench_.cache.workload(layer, m)));
      if (in_sweep) {
        sweep_.push_back({m, timing.seconds_per_call.median,
                          floor_seconds(bench_.rates, subject.work(), m, layer.n, layer.k)});
      }
    }
  };
  ::benchmark::RegisterBenchmark(name.c_str(), row)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(::benchmark::kMicrosecond);
}

void Rows::register_all() {
  const Options& options = bench_.options;
  for (const LayerShape& layer : options.layers) {
    for (const std::int64_t m : options.token_counts_of(layer)) {
      for (const auto& subject : library_) {
        const bool in_sweep =
            subject->work() != Work::Quantize && subject->name() != kConstantWeightsSubject;
        if (options.lists(m) || in_sweep) register_row(layer, m, *subject);
      }
      if (!options.lists(m)) continue;
      for (const auto& peer : peers_) {
        if (peer->takes(m, layer)) register_row(layer, m, *peer);
      }
    }
  }
}

}  // namespace qlinear::benchmark
