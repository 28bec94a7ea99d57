#include <benchmark/benchmark.h>
#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <harness/statistics.hpp>
#include <qlinear/plan.hpp>
#include <suites/host_cost.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

namespace qlinear::benchmark {
namespace {

using Plan = QuantizedLinearPlan<Bf16, S8>;

/// Median seconds of one `call`. The stream is drained every few calls, outside the case part.
double median_seconds(const std::function<void()>& call, cudaStream_t stream) {
  constexpr int kRounds = 40;
  constexpr int kCallsOfRound = 25;
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    check(cudaStreamSynchronize(stream));
    for (int i = 0; i < kCallsOfRound; ++i) {
      const auto start = std::chrono::steady_clock::now();
      call();
      seconds.push_back(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  }
  check(cudaStreamSynchronize(stream));
  return summarize(std::move(seconds)).median;
}

void measure_select(Bench& bench, const Workload& workload, ::benchmark::State& state) {
  const QuantizedLinearDescriptor descriptor = workload.descriptor();
  const auto select = [&] {
    ::benchmark::DoNotOptimize(Plan::select(bench.stream, descriptor).ok());
  };
  state.SetIterationTime(median_seconds(select, bench.stream));
}

/// `call` is one of a plan's, with a workspace and arguments.
template <class Call>
void measure_call(Bench& bench, const Workload& workload, ::benchmark::State& state, Call call) {
  const auto plan = Plan::select(bench.stream, workload.descriptor());
  check(plan.status());
  const std::size_t bytes = plan.value().workspace_size();
  const DeviceBuffer<std::byte> space(static_cast<std::int64_t>(bytes) + 1);
  const auto args = workload.args(0);
  const auto checked = [&] { check(call(plan.value(), Workspace{space.data(), bytes}, args)); };
  state.SetIterationTime(median_seconds(checked, bench.stream));
}

void measure_run(Bench& bench, const Workload& workload, ::benchmark::State& state) {
  measure_call(bench, workload, state, [&](const Plan& plan, Workspace space, const auto& args) {
    return plan.run(bench.stream, space, args);
  });
}

// What `run` is made of: its checks, and each of its launches.

void measure_can_implement(Bench& bench, const Workload& workload, ::benchmark::State& state) {
  measure_call(bench, workload, state, [](const Plan& plan, Workspace, const auto& args) {
    return plan.can_implement(args);
  });
}

void measure_quantize(Bench& bench, const Workload& workload, ::benchmark::State& state) {
  measure_call(bench, workload, state, [&](const Plan& plan, Workspace, const auto& args) {
    return plan.quantize_activation(bench.stream, args);
  });
}

void measure_multiply(Bench& bench, const Workload& workload, ::benchmark::State& state) {
  measure_call(bench, workload, state, [&](const Plan& plan, Workspace space, const auto& args) {
    return plan.multiply(bench.stream, space, args);
  });
}

/// What no `run` of two kernels can be cheaper than: two launches of a kernel of few arguments.
void measure_bare_launches(Bench& bench, const Workload& workload, ::benchmark::State& state) {
  constexpr std::int64_t kBytes = 16;
  const auto launches = [&] {
    for (int i = 0; i < 2; ++i) {
      check(copy_bytes(workload.output(0), workload.activation(0), kBytes, 1, bench.stream));
    }
  };
  state.SetIterationTime(median_seconds(launches, bench.stream));
}

using Measure = void (*)(Bench&, const Workload&, ::benchmark::State&);

void register_cost(Bench& bench, const char* name, Measure measure) {
  const auto row = [&bench, measure](::benchmark::State& state) {
    for ([[maybe_unused]] auto iteration : state) {
      try {
        measure(bench, bench.cache.workload(bench.options.layers.front(), 1), state);
      } catch (const std::exception& error) {
        bench.all_correct = false;
        state.SkipWithError(error.what());
        break;
      }
    }
  };
  ::benchmark::RegisterBenchmark(name, row)->Iterations(1)->UseManualTime()->Unit(
      ::benchmark::kNanosecond);
}

}  // namespace

void register_host_cost(Bench& bench) {
  register_cost(bench, "host/select", &measure_select);
  register_cost(bench, "host/run", &measure_run);
  register_cost(bench, "host/can_implement", &measure_can_implement);
  register_cost(bench, "host/quantize_activation", &measure_quantize);
  register_cost(bench, "host/multiply", &measure_multiply);
  register_cost(bench, "host/two_bare_launches", &measure_bare_launches);
}

}  // namespace qlinear::benchmark
