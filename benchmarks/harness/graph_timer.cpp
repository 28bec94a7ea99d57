#include <harness/cuda_check.hpp>
#include <harness/graph_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <memory>
#include <numeric>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

namespace qlinear::benchmark {
namespace {

struct DestroyCaptured {
  void operator()(cudaGraph_t graph) const noexcept { (void)cudaGraphDestroy(graph); }
};
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyCaptured>;

class Event {
 public:
  Event() { check(cudaEventCreate(&event_)); }
  ~Event() { (void)cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(cudaStream_t stream) const { check(cudaEventRecord(event_, stream)); }
  void synchronize() const { check(cudaEventSynchronize(event_)); }
  double seconds_until(const Event& end) const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, event_, end.event_));
    return static_cast<double>(milliseconds) * 1e-3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

ExecutableGraph capture(cudaStream_t stream, int calls, const EnqueueCall& enqueue) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  cudaGraph_t captured = nullptr;
  try {
    for (int call = 0; call < calls; ++call) enqueue(stream, call);
  } catch (...) {
    if (cudaStreamEndCapture(stream, &captured) == cudaSuccess) Graph discard(captured);
    (void)cudaGetLastError();
    throw;
  }
  check(cudaStreamEndCapture(stream, &captured));
  const Graph graph(captured);
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph.get(), 0));
  return ExecutableGraph(executable);
}

/// Seconds of each of `count` replays that follow each other without a gap. `reading`: of the
/// clocks near their end, when those have followed what is replayed.
std::vector<double> replay(cudaStream_t stream, cudaGraphExec_t graph, int count,
                           const ClockMonitor& clocks, ClockReading* reading) {
  const std::vector<Event> marks(static_cast<std::size_t>(count) + 1);
  marks.front().record(stream);
  for (std::size_t i = 1; i < marks.size(); ++i) {
    check(cudaGraphLaunch(graph, stream));
    marks[i].record(stream);
  }
  if (reading != nullptr) {
    marks[marks.size() * 3 / 4].synchronize();
    *reading = clocks.read();
  }
  check(cudaStreamSynchronize(stream));
  std::vector<double> seconds;
  for (std::size_t i = 1; i < marks.size(); ++i) {
    seconds.push_back(marks[i - 1].seconds_until(marks[i]));
  }
  return seconds;
}

int calls_to_fill(double graph_seconds, double call_seconds, int rotation) {
  constexpr double kMaxCalls = 1024;
  const double calls = std::min(kMaxCalls, graph_seconds / std::max(call_seconds, 1e-9));
  return rotation * std::max(1, static_cast<int>(std::ceil(calls / rotation)));
}

}  // namespace

void GraphTimer::wake(cudaGraphExec_t graph) const {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kIdle{20};
  constexpr std::chrono::milliseconds kRampUp{100};
  const auto start = Clock::now();
  if (start - last_busy_ < kIdle) return;
  while (Clock::now() - start < kRampUp) replay(stream_, graph, 1, clocks_, nullptr);
}

TimedGraph GraphTimer::prepare(int rotation, const EnqueueCall& enqueue,
                               const TimingBudget& budget) const {
  TimedGraph timed;
  timed.graph = capture(stream_, rotation, enqueue);
  timed.calls = rotation;
  wake(timed.graph.get());
  replay(stream_, timed.graph.get(), 1, clocks_, nullptr);
  double seconds = replay(stream_, timed.graph.get(), 1, clocks_, nullptr).front();
  if (seconds < budget.graph_seconds) {
    timed.calls = calls_to_fill(budget.graph_seconds, seconds / rotation, rotation);
    timed.graph = capture(stream_, timed.calls, enqueue);
    seconds = replay(stream_, timed.graph.get(), 1, clocks_, nullptr).front();
  }
  timed.replays = std::clamp(static_cast<int>(budget.seconds / seconds), budget.min_replays,
                             budget.max_replays);
  timed.settling = static_cast<int>(std::ceil(budget.settle_seconds / seconds));
  timed.rounds = std::min(timed.replays, budget.most_rounds);
  last_busy_ = std::chrono::steady_clock::now();
  return timed;
}

std::vector<Timing> GraphTimer::time_in_turns(const std::vector<TimedGraph>& graphs) const {
  int rounds = 1;
  if (graphs.size() > 1) {
    for (const TimedGraph& timed : graphs) rounds = std::max(rounds, timed.rounds);
  }
  std::vector<Timing> timings(graphs.size());
  std::vector<std::vector<double>> samples(graphs.size());
  std::vector<std::size_t> order(graphs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random_);
    for (const std::size_t i : order) {
      int unmeasured = graphs[i].settling;
      if (graphs.size() > 1) unmeasured = std::max(unmeasured, 1);  // It meets another's data.
      const int turn = (graphs[i].replays + rounds - 1) / rounds + unmeasured;
      const auto seconds =
          replay(stream_, graphs[i].graph.get(), turn, clocks_, &timings[i].clocks);
      for (auto s = static_cast<std::size_t>(unmeasured); s < seconds.size(); ++s) {
        samples[i].push_back(seconds[s] / graphs[i].calls);
      }
    }
  }
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    timings[i].calls_per_replay = graphs[i].calls;
    timings[i].replays = static_cast<int>(samples[i].size());
    timings[i].seconds_per_call = summarize(std::move(samples[i]));
  }
  last_busy_ = std::chrono::steady_clock::now();
  return timings;
}

Timing GraphTimer::time(int rotation, const EnqueueCall& enqueue,
                        const TimingBudget& budget) const {
  std::vector<TimedGraph> graphs;
  graphs.push_back(prepare(rotation, enqueue, budget));
  return time_in_turns(graphs).front();
}

double GraphTimer::probe(int rotation, const EnqueueCall& enqueue) const {
  const ExecutableGraph graph = capture(stream_, rotation, enqueue);
  wake(graph.get());
  replay(stream_, graph.get(), 1, clocks_, nullptr);
  const double seconds = replay(stream_, graph.get(), 1, clocks_, nullptr).front();
  last_busy_ = std::chrono::steady_clock::now();
  return seconds / rotation;
}

}  // namespace qlinear::benchmark
