#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

namespace qlinear::tools {

/// Enqueues call number `call`: buffers rotate with it.
using EnqueueCall = std::function<void(cudaStream_t stream, int call)>;

/// Calls back to back as one CUDA graph, so that neither the host nor gaps between launches count.
class CallGraph {
 public:
  CallGraph(cudaStream_t stream, int calls, const EnqueueCall& enqueue);

  /// Seconds of a call: the median of `replays` without gaps, after one that does not count since
  /// it finds in the caches what another graph left.
  double seconds(cudaStream_t stream, int replays) const;

 private:
  struct Destroy {
    void operator()(cudaGraphExec_t graph) const noexcept { (void)cudaGraphExecDestroy(graph); }
  };
  std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, Destroy> graph_;
  int calls_;
};

/// Seconds of a call of each graph, the medians over `rounds`. All have their turn in each round,
/// in another order every time: a GPU's clocks change while it works.
std::vector<double> seconds_in_turns(cudaStream_t stream, const std::vector<CallGraph>& graphs,
                                     int rounds);

/// Precondition: `values` is not empty.
double median(std::vector<double> values);

}  // namespace qlinear::tools
