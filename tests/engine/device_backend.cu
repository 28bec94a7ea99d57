#include "backend.hpp"
#include "require.hpp"

#include <qlinear/plan.hpp>

#include <ptx/memory.cuh>
#include <runtime/launch.cuh>

#include <cuda_runtime_api.h>

#include <string>
#include <utility>

namespace qlinear::engine {
namespace {

void check(cudaError_t error, const char* call) {
  if (error != cudaSuccess) throw Error(std::string(call) + ": " + cudaGetErrorString(error));
}

template <class Known>
__global__ void run_step(Known step) {
  auto* const shared = reinterpret_cast<float*>(ptx::dynamic_shared_memory());
  const Place at{static_cast<int>(blockIdx.x), static_cast<int>(threadIdx.x),
                 static_cast<int>(blockDim.x)};
  for (int phase = 0; phase < Known::kPhases; ++phase) {
    if (phase > 0) __syncthreads();
    step.run(phase, at, shared);
  }
}

/// A graph that is ready to be launched.
class Graph {
 public:
  explicit Graph(cudaGraph_t graph) {
    const cudaError_t error = cudaGraphInstantiate(&executable_, graph, 0);
    static_cast<void>(cudaGraphDestroy(graph));
    check(error, "cudaGraphInstantiate");
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() { static_cast<void>(cudaGraphExecDestroy(executable_)); }

  void launch(cudaStream_t stream) const {
    check(cudaGraphLaunch(executable_, stream), "cudaGraphLaunch");
  }

 private:
  cudaGraphExec_t executable_ = nullptr;
};

class DeviceBackend final : public Backend {
 public:
  explicit DeviceBackend(DeviceOptions options) : options_(std::move(options)) {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    preference_.kernel = options_.kernel;
    // Weights are written before the first step, so a GEMM may read them early.
    preference_.constant_weights = true;
    preference_.max_workspace = kWorkspaceBytes;
    workspace_ = {allocate(kWorkspaceBytes), kWorkspaceBytes};
  }
  ~DeviceBackend() override {
    static_cast<void>(cudaStreamSynchronize(stream_));
    for (void* memory : memory_) static_cast<void>(cudaFree(memory));
    static_cast<void>(cudaStreamDestroy(stream_));
  }

  std::string name() const override {
    int device = 0;
    cudaDeviceProp properties{};
    check(cudaGetDevice(&device), "cudaGetDevice");
    check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    return properties.name;
  }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    check(cudaMalloc(&memory, bytes), "cudaMalloc");
    memory_.push_back(memory);
    return memory;
  }
  void write(void* to, const void* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "cudaMemcpyAsync");
    check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }
  void read(void* to, const void* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
    check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }

  /// To select again costs less than a microsecond: the library remembers recent choices.
  void linear(const QuantizedLinearDescriptor& descriptor, const LinearArgs& args) override {
    const auto plan =
        require(QuantizedLinearPlan<float, S8>::select(stream_, descriptor, preference_));
    require(plan.run(stream_, {workspace_.data, plan.workspace_size()}, args));
  }

  void step(const Step& step) override {
    std::visit([&](const auto& known) { launch(known); }, step);
  }

  std::function<void()> record(std::function<void()> work) override {
    if (!options_.graphs) return work;
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
          "cudaStreamBeginCapture");
    cudaGraph_t captured = nullptr;
    try {
      work();
    } catch (...) {  // The stream is usable again only when its capture has ended.
      if (cudaStreamEndCapture(stream_, &captured) == cudaSuccess) {
        static_cast<void>(cudaGraphDestroy(captured));
      }
      throw;
    }
    check(cudaStreamEndCapture(stream_, &captured), "cudaStreamEndCapture");
    const auto graph = std::make_shared<Graph>(captured);
    return [this, graph] { graph->launch(stream_); };
  }

 private:
  static constexpr std::size_t kWorkspaceBytes = std::size_t{8} << 20;

  template <class Known>
  void launch(const Known& step) {
    const Grid grid = step.grid();
    kernels::LaunchConfig config{"engine step", dim3(static_cast<unsigned>(grid.blocks)),
                                 dim3(static_cast<unsigned>(grid.threads))};
    config.dynamic_shared_bytes = static_cast<std::size_t>(grid.shared_floats) * sizeof(float);
    config.stream = stream_;
    check(kernels::launch_kernel<&run_step<Known>>(config, step), "the launch of a step");
  }

  DeviceOptions options_;
  PlanPreference preference_;
  cudaStream_t stream_ = nullptr;
  Workspace workspace_;
  std::vector<void*> memory_;
};

}  // namespace

std::unique_ptr<Backend> device_backend(const DeviceOptions& options) {
  return std::make_unique<DeviceBackend>(options);
}

}  // namespace qlinear::engine
