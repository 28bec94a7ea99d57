#include "runtime.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>

using namespace qlinear::emulated_device;

namespace {

template <class T, class Handle>
T* find(const std::set<T*>& known, Handle handle) {
  const auto found = known.find(reinterpret_cast<T*>(handle));
  return found == known.end() ? nullptr : *found;
}

/// Submits the nodes after what `stream` and an earlier launch of the same graph still do.
void submit(ExecutableGraph& graph, Stream& stream) {
  std::vector<Dependency> before = runtime().predecessors(stream, Edge::Full);
  if (graph.latest != nullptr) before.push_back({graph.latest, Edge::Full});
  std::vector<Dependency> submitted;
  for (const GraphNode& node : graph.nodes) {
    std::vector<Dependency> dependencies;
    for (const auto& [index, edge] : node.predecessors) {
      dependencies.push_back({submitted[index].operation, edge});
    }
    if (dependencies.empty()) dependencies = before;
    submitted.push_back({runtime().queue.submit(node.task, node.device, dependencies), Edge::Full});
  }
  if (submitted.empty()) submitted = before;
  graph.latest = runtime().queue.submit(Task{}, stream.device, submitted);
  stream.last = graph.latest;
}

cudaError_t launch_graph(ExecutableGraph& graph, Stream& stream) {
  if (stream.capture != nullptr) {
    stream.capture->invalidated = true;
    return cudaErrorNotSupported;
  }
  const cudaError_t failed = runtime().errors[static_cast<std::size_t>(stream.device)];
  if (failed == cudaSuccess) submit(graph, stream);
  return failed;
}

}  // namespace

extern "C" {

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* out, cudaGraph_t handle,
                                 unsigned long long flags) {
  return api_call([&] {
    const Graph* graph = find(runtime().graphs, handle);
    if (out == nullptr || graph == nullptr) return cudaErrorInvalidValue;
    if (flags != 0) return cudaErrorNotSupported;
    auto* executable = new ExecutableGraph;
    for (const auto& node : graph->nodes) executable->nodes.push_back(*node);
    runtime().executable_graphs.insert(executable);
    *out = reinterpret_cast<cudaGraphExec_t>(executable);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* out, cudaGraph_t graph,
                                          unsigned long long flags) {
  return cudaGraphInstantiate(out, graph, flags);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t handle, cudaStream_t stream_handle) {
  return api_call([&] {
    ExecutableGraph* graph = find(runtime().executable_graphs, handle);
    Stream* stream = runtime().find_stream(stream_handle);
    if (graph == nullptr) return cudaErrorInvalidValue;
    return stream == nullptr ? cudaErrorInvalidResourceHandle : launch_graph(*graph, *stream);
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t handle) {
  return api_call([&] {
    ExecutableGraph* graph = find(runtime().executable_graphs, handle);
    if (graph == nullptr) return cudaErrorInvalidValue;
    runtime().executable_graphs.erase(graph);
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t handle) {
  return api_call([&] {
    Graph* graph = find(runtime().graphs, handle);
    if (graph == nullptr) return cudaErrorInvalidValue;
    runtime().graphs.erase(graph);
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t handle, cudaGraphNode_t* nodes, std::size_t* count) {
  return api_call([&] {
    const Graph* graph = find(runtime().graphs, handle);
    if (graph == nullptr || count == nullptr) return cudaErrorInvalidValue;
    if (nodes == nullptr) {
      *count = graph->nodes.size();
      return cudaSuccess;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      nodes[i] = i < graph->nodes.size() ? reinterpret_cast<cudaGraphNode_t>(graph->nodes[i].get())
                                         : nullptr;
    }
    *count = std::min(*count, graph->nodes.size());
    return cudaSuccess;
  });
}

cudaError_t cudaGraphKernelNodeGetParams(cudaGraphNode_t handle, cudaKernelNodeParams* params) {
  return api_call([&] {
    for (const Graph* graph : runtime().graphs) {
      for (const auto& node : graph->nodes) {
        if (reinterpret_cast<cudaGraphNode_t>(node.get()) != handle || params == nullptr) continue;
        if (node->task.launch == nullptr) return cudaErrorInvalidValue;
        const LaunchRequest& launch = *node->task.launch;
        *params = {};
        params->func = const_cast<void*>(launch.function);
        params->gridDim = launch.grid;
        params->blockDim = launch.block;
        params->sharedMemBytes = static_cast<unsigned>(launch.dynamic_shared_bytes);
        return cudaSuccess;
      }
    }
    return cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t handle, cudaGraphNodeType* type) {
  return api_call([&] {
    for (const Graph* graph : runtime().graphs) {
      for (const auto& node : graph->nodes) {
        if (reinterpret_cast<cudaGraphNode_t>(node.get()) != handle || type == nullptr) continue;
        *type = node->task.type;
        return cudaSuccess;
      }
    }
    return cudaErrorInvalidValue;
  });
}

}  // extern "C"
