#pragma once

#include "cuda_check.hpp"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace qlinear::test {

/// The graph of what `enqueue()` puts into `stream`, ready to be launched.
class CapturedGraph {
 public:
  template <class Enqueue>
  CapturedGraph(cudaStream_t stream, const Enqueue& enqueue,
                cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal) {
    check(cudaStreamBeginCapture(stream, mode), "begin a capture");
    enqueue();
    check(cudaStreamEndCapture(stream, &graph_), "end a capture");
    check(cudaGraphInstantiate(&executable_, graph_, 0), "cudaGraphInstantiate");
  }
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;
  ~CapturedGraph() {
    static_cast<void>(cudaGraphExecDestroy(executable_));
    static_cast<void>(cudaGraphDestroy(graph_));
  }

  void launch(cudaStream_t stream) const {
    check(cudaGraphLaunch(executable_, stream), "cudaGraphLaunch");
  }

  std::size_t nodes() const {
    std::size_t count = 0;
    check(cudaGraphGetNodes(graph_, nullptr, &count), "cudaGraphGetNodes");
    return count;
  }

  /// Blocks of each kernel.
  std::vector<std::int64_t> grids() const {
    std::size_t count = nodes();
    std::vector<cudaGraphNode_t> all(count);
    check(cudaGraphGetNodes(graph_, all.data(), &count), "cudaGraphGetNodes");
    std::vector<std::int64_t> blocks;
    for (const cudaGraphNode_t node : all) {
      cudaGraphNodeType type{};
      check(cudaGraphNodeGetType(node, &type), "cudaGraphNodeGetType");
      if (type != cudaGraphNodeTypeKernel) continue;
      cudaKernelNodeParams kernel{};
      check(cudaGraphKernelNodeGetParams(node, &kernel), "cudaGraphKernelNodeGetParams");
      blocks.push_back(std::int64_t{kernel.gridDim.x} * kernel.gridDim.y * kernel.gridDim.z);
    }
    return blocks;
  }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace qlinear::test
