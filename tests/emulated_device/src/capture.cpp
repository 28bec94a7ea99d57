#include "capture.hpp"

#include <algorithm>

namespace qlinear::emulated_device {
namespace {

/// Returns whether the origin waits for all nodes that `stream` would wait for: a stream that was
/// forked off must be joined before the end.
bool joined(const Capture& capture) {
  const Graph& graph = *capture.graph;
  std::vector<bool> reached(graph.nodes.size(), false);
  std::vector<std::size_t> open = capture.origin->captured_last;
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    if (reached[node]) continue;
    reached[node] = true;
    for (const auto& predecessor : graph.nodes[node]->predecessors)
      open.push_back(predecessor.node);
  }
  return std::all_of(reached.begin(), reached.end(), [](bool is_reached) { return is_reached; });
}

}  // namespace

cudaError_t capture_task(Stream& stream, Task task, Edge edge) {
  Capture& capture = *stream.capture;
  if (capture.invalidated) return cudaErrorStreamCaptureInvalidated;
  auto node = std::make_unique<GraphNode>();
  node->task = std::move(task);
  node->device = node->task.launch != nullptr ? current_device() : stream.device;
  for (const std::size_t last : stream.captured_last) {
    const bool after_kernel = capture.graph->nodes[last]->task.launch != nullptr;
    node->predecessors.push_back({last, after_kernel ? edge : Edge::Full});
  }
  capture.graph->nodes.push_back(std::move(node));
  stream.captured_last.assign(1, capture.graph->nodes.size() - 1);
  return cudaSuccess;
}

cudaError_t capture_wait(Stream& stream, const Event& event) {
  if (event.capture == nullptr || (stream.capture != nullptr && stream.capture != event.capture)) {
    if (stream.capture != nullptr) stream.capture->invalidated = true;
    return cudaErrorStreamCaptureIsolation;
  }
  if (stream.capture == nullptr) {
    stream.capture = event.capture;
    event.capture->streams.push_back(&stream);
  }
  for (const std::size_t node : event.captured) {
    auto& last = stream.captured_last;
    if (std::find(last.begin(), last.end(), node) == last.end()) last.push_back(node);
  }
  return cudaSuccess;
}

cudaError_t check_implicit_synchronisation(const Stream& stream) {
  const Stream& legacy = runtime().device(stream.device).legacy_stream;
  if (&stream != &legacy) return cudaSuccess;
  for (const auto& capture : runtime().captures) {
    for (const Stream* capturing : capture->streams) {
      if (!capturing->blocking || capturing->device != stream.device) continue;
      capture->invalidated = true;
      return cudaErrorStreamCaptureImplicit;
    }
  }
  return cudaSuccess;
}

cudaError_t end_capture(Stream& origin, std::unique_ptr<Graph>& graph) {
  const std::shared_ptr<Capture> capture = origin.capture;
  if (capture->origin != &origin) return cudaErrorStreamCaptureUnmatched;
  const bool complete = joined(*capture);
  for (Stream* stream : capture->streams) {
    stream->capture = nullptr;
    stream->captured_last.clear();
  }
  auto& captures = runtime().captures;
  captures.erase(std::find(captures.begin(), captures.end(), capture));
  if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  if (!complete) return cudaErrorStreamCaptureUnjoined;
  graph = std::move(capture->graph);
  return cudaSuccess;
}

}  // namespace qlinear::emulated_device
