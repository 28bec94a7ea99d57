#pragma once

#include <cuda_runtime_api.h>
#include <harness/clocks.hpp>
#include <harness/statistics.hpp>
#include <harness/timing_budget.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <type_traits>
#include <vector>

namespace qlinear::benchmark {

/// Enqueues call number `call`; buffers rotate with it.
using EnqueueCall = std::function<void(cudaStream_t stream, int call)>;

struct Timing {
  Summary seconds_per_call;
  int replays = 0;
  int calls_per_replay = 0;
  ClockReading clocks;  ///< Read while the GPU was busy.
};

struct DestroyGraph {
  void operator()(cudaGraphExec_t graph) const noexcept { (void)cudaGraphExecDestroy(graph); }
};
using ExecutableGraph = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyGraph>;

/// Calls back to back, captured and ready to be timed.
struct TimedGraph {
  ExecutableGraph graph;
  int calls = 0;
  int replays = 0;   ///< To be measured.
  int settling = 0;  ///< Replays at the start of each turn that are not.
  int rounds = 1;    ///< Of turns.
};

/// Times calls as a graph that holds many of them back to back: the median of its replays, divided
/// by its calls. So neither the host nor the gaps of launching count, and a call may overlap the
/// next as far as the kernels themselves allow.
class GraphTimer {
 public:
  GraphTimer(cudaStream_t stream, const ClockMonitor& clocks) : stream_(stream), clocks_(clocks) {}

  /// The graph holds a multiple of `rotation` calls. Replays it a few times.
  TimedGraph prepare(int rotation, const EnqueueCall& enqueue, const TimingBudget& budget) const;
  /// Several that will be compared: a GPU grows slower while it works, so all have their turn in
  /// each round. The order is another every time, or each would always follow the same one and find
  /// the GPU as that leaves it.
  std::vector<Timing> time_in_turns(const std::vector<TimedGraph>& graphs) const;

  Timing time(int rotation, const EnqueueCall& enqueue, const TimingBudget& budget) const;
  /// Seconds of one call after a first, from one replay: enough to drop hopeless candidates.
  double probe(int rotation, const EnqueueCall& enqueue) const;

  cudaStream_t stream() const noexcept { return stream_; }

 private:
  /// Keeps a GPU that has been idle busy until its clocks are up again.
  void wake(cudaGraphExec_t graph) const;

  cudaStream_t stream_;
  const ClockMonitor& clocks_;
  mutable std::chrono::steady_clock::time_point last_busy_{};
  mutable std::minstd_rand random_;
};

}  // namespace qlinear::benchmark
