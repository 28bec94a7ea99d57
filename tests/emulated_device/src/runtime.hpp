#pragma once

#include "allocations.hpp"
#include "operation_queue.hpp"
#include "random.hpp"
#include "settings.hpp"

#include <driver_types.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

// This is the state of the emulated CUDA runtime. One lock, which `api_call` takes, guards all of
// it.

namespace qlinear::emulated_device {

/// A node of a graph: a task and the nodes before it.
struct GraphNode {
  struct Predecessor {
    std::size_t node;
    Edge edge;
  };
  Task task;
  int device;
  std::vector<Predecessor> predecessors;
};

struct Graph {
  std::vector<std::unique_ptr<GraphNode>> nodes;
};

struct ExecutableGraph {
  std::vector<GraphNode> nodes;
  OperationPointer latest;  ///< Launches of the same executable graph run one after another.
};

struct Stream;

/// A capture in progress: the graph that grows, and the streams that took part.
struct Capture {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  Stream* origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  bool invalidated = false;
  std::vector<Stream*> streams;
};

struct Stream {
  int device = 0;
  bool blocking = true;  ///< It is ordered with the legacy default stream.
  int priority = 0;
  OperationPointer last;
  std::shared_ptr<Capture> capture;
  std::vector<std::size_t> captured_last;  ///< The next node depends on these.
};

struct Event {
  int device = 0;
  bool timed = true;
  OperationPointer recorded;
  std::shared_ptr<Capture> capture;  ///< Set while it was last recorded in a capturing stream.
  std::vector<std::size_t> captured;
};

struct FunctionAttributes {
  std::size_t dynamic_shared_bytes = kDefaultSharedBytes;
  bool non_portable_cluster = false;
};

/// Its address stands for the primary context, which outlives a reset with another id.
struct Device {
  unsigned long long context_id = 0;
  Stream legacy_stream;
  std::map<const void*, FunctionAttributes> functions;
};

class Runtime {
 public:
  Runtime();

  std::recursive_mutex mutex;
  bool in_host_function = false;

  Random random;
  Allocations allocations;
  std::vector<cudaError_t> errors;  ///< A failed kernel leaves its device's error here.
  OperationQueue queue;
  std::vector<std::unique_ptr<Device>> devices;
  std::set<Stream*> streams;  ///< The program created them.
  std::set<Event*> events;
  std::set<Graph*> graphs;
  std::set<ExecutableGraph*> executable_graphs;
  std::vector<std::shared_ptr<Capture>> captures;
  std::map<std::pair<std::thread::id, int>, std::unique_ptr<Stream>> thread_streams;
  unsigned long long contexts = 0;  ///< Counts the ids given so far.

  /// Returns the stream that a handle stands for on the current device; null for a stale handle.
  Stream* find_stream(cudaStream_t handle);
  Event* find_event(cudaEvent_t handle);
  Device& device(int ordinal) { return *devices[static_cast<std::size_t>(ordinal)]; }

  /// Appends a task to a stream, or to the graph that captures it. `edge` is how it follows the
  /// stream's latest operation; a task that is not captured also follows `also_after`.
  cudaError_t enqueue(Stream& stream, Task task, Edge edge = Edge::Full,
                      OperationPointer also_after = nullptr);

  /// Waits for everything that was submitted to `stream` or to all streams of the device.
  cudaError_t synchronise(Stream& stream);
  cudaError_t synchronise_device(int device);

  /// Destroys what lives in the device's primary context: streams, events, memory, and what
  /// functions were allowed.
  void reset_device(int device);

  /// Returns what the next operation of `stream` has to wait for.
  std::vector<Dependency> predecessors(const Stream& stream, Edge edge) const;

 private:
  std::vector<Stream*> streams_of(int device) const;
};

Runtime& runtime();
int current_device();
void set_current_device(int ordinal);

/// The current device's context is current only once the thread has called the runtime.
bool has_context();
void set_has_context(bool value);

/// Remembers an error for cudaGetLastError and returns it.
cudaError_t remember(cudaError_t error);
cudaError_t last_error();
void forget_last_error();

/// Takes the lock around a call of the API and remembers its error.
template <class Call>
cudaError_t api_call(Call call) {
  if (settings().devices == 0) return remember(cudaErrorNoDevice);
  const std::lock_guard lock(runtime().mutex);
  if (runtime().in_host_function) return remember(cudaErrorNotPermitted);
  set_has_context(true);
  return remember(call());
}

/// Checks a call that a capture forbids: returns cudaSuccess, or the error after it has invalidated
/// the captures.
cudaError_t check_not_capturing();

}  // namespace qlinear::emulated_device
