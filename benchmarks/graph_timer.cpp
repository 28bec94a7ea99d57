#include <cuda_check.hpp>
#include <graph_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace qlinear::benchmark {
namespace {

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const noexcept { (void)cudaGraphDestroy(graph); }
  void operator()(cudaGraphExec_t graph) const noexcept { (void)cudaGraphExecDestroy(graph); }
};
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;
using ExecutableGraph = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyGraph>;

class Event {
 public:
  Event() { check(cudaEventCreate(&event_)); }
  ~Event() { (void)cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(cudaStream_t stream) const { check(cudaEventRecord(event_, stream)); }
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

/// Seconds of each of `count` replays that follow each other without a gap.
std::vector<double> replay(cudaStream_t stream, cudaGraphExec_t graph, int count,
                           const ClockMonitor& clocks, ClockReading* reading) {
  const std::vector<Event> marks(static_cast<std::size_t>(count) + 1);
  marks.front().record(stream);
  for (std::size_t i = 1; i < marks.size(); ++i) {
    check(cudaGraphLaunch(graph, stream));
    marks[i].record(stream);
  }
  if (reading != nullptr) *reading = clocks.read();
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

Timing GraphTimer::time(int rotation, const EnqueueCall& enqueue,
                        const TimingBudget& budget) const {
  Timing timing;
  timing.calls_per_replay = rotation;
  ExecutableGraph graph = capture(stream_, rotation, enqueue);
  wake(graph.get());
  replay(stream_, graph.get(), 1, clocks_, nullptr);
  double seconds = replay(stream_, graph.get(), 1, clocks_, nullptr).front();
  if (seconds < budget.graph_seconds) {
    timing.calls_per_replay = calls_to_fill(budget.graph_seconds, seconds / rotation, rotation);
    graph = capture(stream_, timing.calls_per_replay, enqueue);
    seconds = replay(stream_, graph.get(), 1, clocks_, nullptr).front();
  }
  timing.replays = std::clamp(static_cast<int>(budget.seconds / seconds), budget.min_replays,
                              budget.max_replays);
  std::vector<double> samples =
      replay(stream_, graph.get(), timing.replays, clocks_, &timing.clocks);
  for (double& sample : samples) sample /= timing.calls_per_replay;
  timing.seconds_per_call = summarize(std::move(samples));
  last_busy_ = std::chrono::steady_clock::now();
  return timing;
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
