#pragma once

#include <cuda_runtime_api.h>
#include <clocks.hpp>
#include <statistics.hpp>

#include <chrono>
#include <functional>

namespace qlinear::benchmark {

/// Enqueues call number `call`; buffers rotate with it.
using EnqueueCall = std::function<void(cudaStream_t stream, int call)>;

struct TimingBudget {
  double seconds = 0.020;       ///< Measured time, as far as `min_replays` allows.
  double graph_seconds = 1e-3;  ///< Shortest graph: what surrounds its calls is lost in it.
  int min_replays = 5;
  int max_replays = 50;
};

struct Timing {
  Summary seconds_per_call;
  int replays = 0;
  int calls_per_replay = 0;
  ClockReading clocks;  ///< Read while the GPU was busy.
};

/// Times calls as a graph that holds many of them back to back: the median of its replays, divided
/// by its calls. So neither the host nor the gaps of launching count, and a call may overlap the
/// next as far as the kernels themselves allow. The graph holds a multiple of `rotation` calls.
class GraphTimer {
 public:
  GraphTimer(cudaStream_t stream, const ClockMonitor& clocks) : stream_(stream), clocks_(clocks) {}

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
};

}  // namespace qlinear::benchmark
