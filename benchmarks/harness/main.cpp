#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <harness/bench.hpp>
#include <harness/progress_reporter.hpp>
#include <suites/decoder_layer.hpp>
#include <suites/host_cost.hpp>
#include <suites/rows.hpp>
#include <suites/step_regressions.hpp>
#include <tuning/tune.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace qlinear::benchmark {
namespace {

/// What the JSON says of the machine, beside Google Benchmark's own context; also printed.
void add_context(const std::string& key, const std::string& value) {
  ::benchmark::AddCustomContext(key, value);
  fmt::print("{:<28}{}\n", key, value);
}

std::string describe(const ClockReading& clocks) {
  return fmt::format("SM {} MHz, memory {} MHz, {} W", clocks.sm_mhz, clocks.memory_mhz,
                     clocks.power_watts);
}

void add_machine_context(const Bench& bench) {
  const Device& device = bench.device;
  add_context("gpu", device.name);
  add_context("driver", bench.clocks.driver_version());
  add_context("cuda_runtime", fmt::format("{}.{}", device.runtime_version / 1000,
                                          device.runtime_version % 1000 / 10));
  add_context("compute_capability", fmt::format("{}", device.compute_capability));
  add_context("num_sms", fmt::format("{}", device.num_sms));
  add_context("clusters_at_once", device.clusters_at_once);
  add_context("shared_bytes_per_sm", fmt::format("{}", device.shared_bytes_per_sm));
  add_context("memory_bytes_per_clock", fmt::format("{}", device.memory_bytes_per_clock));
  add_context("l2_bytes", fmt::format("{}", device.l2_bytes));
  add_context("copy_bytes_per_second", fmt::format("{:.4g}", bench.rates.copy_bytes_per_second));
  add_context("read_bytes_per_second", fmt::format("{:.4g}", bench.rates.read_bytes_per_second));
  add_context("int8_operations_per_second",
              fmt::format("{:.4g}", bench.rates.int8_operations_per_second));
  if (bench.rates.sustained_int8_operations_per_second > 0) {
    add_context("sustained_int8_operations_per_second",
                fmt::format("{:.4g}", bench.rates.sustained_int8_operations_per_second));
  }
  add_context("clocks_at_start", describe(bench.clocks.read()));
}

void print_step_regressions(const std::vector<SweepPoint>& sweep) {
  if (sweep.size() < 2) return;
  const std::vector<StepRegression> regressions = find_step_regressions(sweep);
  fmt::print(
      "\nstep regressions between neighbouring M (growth above {:.0f} % and above the floor's): "
      "{}\n",
      100 * (kAllowedGrowth - 1), regressions.size());
  for (const StepRegression& step : regressions) {
    fmt::print("  M {} to {}: +{:.1f} %, floor +{:.1f} %\n", step.m_before, step.m_after,
               100 * (step.growth - 1), 100 * (step.floor_growth - 1));
  }
}

void print_findings(const std::vector<ComparisonResult>& results) {
  const std::vector<ComparisonResult> found = findings(results);
  fmt::print(
      "\nproblems whose choice was more than {:.0f} % slower than the best kernel: {} of {}\n",
      100 * kAllowedLoss, found.size(), results.size());
  for (const ComparisonResult& result : found) {
    fmt::print("  {:<32} +{:5.1f} %  chose {} ({:.2f} us), best {} ({:.2f} us)\n", result.problem,
               100 * result.loss(), result.choice, result.choice_seconds * 1e6, result.best,
               result.best_seconds * 1e6);
  }
}

void measure(Bench& bench) {
  register_host_cost(bench);
  Rows rows(bench);
  rows.register_all();
  ProgressReporter progress;
  ::benchmark::RunSpecifiedBenchmarks(&progress);
  print_step_regressions(rows.sweep());
}

void measure_decoder_layers(Bench& bench) {
  register_decoder_layers(bench);
  ProgressReporter progress;
  ::benchmark::RunSpecifiedBenchmarks(&progress);
}

void tune(Bench& bench) {
  Tune tune(bench);
  tune.register_all();
  ProgressReporter progress;
  ::benchmark::RunSpecifiedBenchmarks(&progress);
  print_findings(tune.results());
  print_step_regressions(tune.sweep());
}

/// Hands Google Benchmark the arguments that are left; it keeps `program`. False where it does not
/// know one.
bool initialize_google_benchmark(char* program, std::vector<std::string>& arguments) {
  std::vector<char*> argv{program};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int argc = static_cast<int>(argv.size());
  ::benchmark::Initialize(&argc, argv.data());
  return !::benchmark::ReportUnrecognizedArguments(argc, argv.data());
}

int run(char* program, std::vector<std::string> arguments) {
  const Options options = parse_options(arguments);
  if (options.help) {
    fmt::print("{}", usage());
    return 0;
  }
  if (!initialize_google_benchmark(program, arguments)) return 2;
  Bench bench(options);
  add_machine_context(bench);
  if (!options.decoders.empty()) {
    measure_decoder_layers(bench);
  } else if (options.tune) {
    tune(bench);
  } else {
    measure(bench);
  }
  fmt::print("\nclocks at the end: {}\n", describe(bench.clocks.read()));
  if (!bench.all_correct) fmt::print("SOME RESULTS WERE WRONG OR FAILED: see the rows above\n");
  return bench.all_correct ? 0 : 1;
}

}  // namespace
}  // namespace qlinear::benchmark

int main(int argc, char** argv) {
  try {
    return qlinear::benchmark::run(argv[0], std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    fmt::print(stderr, "qlinear_bench: {}\n", error.what());
    return 2;
  }
}
