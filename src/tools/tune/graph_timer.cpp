#include "tune/graph_timer.hpp"

#include "support/interrupt.hpp"
#include "tune/cuda.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>
#include <utility>

namespace qlinear::tools {
namespace {

struct DestroyCaptured {
  void operator()(cudaGraph_t graph) const noexcept { (void)cudaGraphDestroy(graph); }
};
using CapturedGraph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyCaptured>;

struct DestroyEvent {
  void operator()(cudaEvent_t event) const noexcept { (void)cudaEventDestroy(event); }
};
using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, DestroyEvent>;

Event make_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event));
  return Event(event);
}

CapturedGraph capture(cudaStream_t stream, int calls, const EnqueueCall& enqueue) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  cudaGraph_t graph = nullptr;
  try {
    for (int call = 0; call < calls; ++call) enqueue(stream, call);
  } catch (...) {
    if (cudaStreamEndCapture(stream, &graph) == cudaSuccess) CapturedGraph discarded(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph));
  return CapturedGraph(graph);
}

}  // namespace

CallGraph::CallGraph(cudaStream_t stream, int calls, const EnqueueCall& enqueue) : calls_(calls) {
  const CapturedGraph captured = capture(stream, calls, enqueue);
  cudaGraphExec_t graph = nullptr;
  check(cudaGraphInstantiate(&graph, captured.get(), 0));
  graph_.reset(graph);
}

double CallGraph::seconds(cudaStream_t stream, int replays) const {
  std::vector<Event> marks;
  check(cudaGraphLaunch(graph_.get(), stream));
  marks.push_back(make_event());
  check(cudaEventRecord(marks.back().get(), stream));
  for (int i = 0; i < replays; ++i) {
    check(cudaGraphLaunch(graph_.get(), stream));
    marks.push_back(make_event());
    check(cudaEventRecord(marks.back().get(), stream));
  }
  check(cudaStreamSynchronize(stream));
  std::vector<double> seconds;
  for (std::size_t i = 1; i < marks.size(); ++i) {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, marks[i - 1].get(), marks[i].get()));
    seconds.push_back(static_cast<double>(milliseconds) * 1e-3 / calls_);
  }
  return median(std::move(seconds));
}

std::vector<double> seconds_in_turns(cudaStream_t stream, const std::vector<CallGraph>& graphs,
                                     int rounds) {
  constexpr int kReplays = 3;
  std::vector<std::vector<double>> samples(graphs.size());
  std::vector<std::size_t> order(graphs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::minstd_rand random;
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      stop_if_interrupted();
      samples[i].push_back(graphs[i].seconds(stream, kReplays));
    }
  }
  std::vector<double> seconds;
  seconds.reserve(samples.size());
  for (std::vector<double>& of_graph : samples) seconds.push_back(median(std::move(of_graph)));
  return seconds;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace qlinear::tools
