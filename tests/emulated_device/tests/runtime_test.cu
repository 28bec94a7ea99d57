#include "device_test.hpp"

#include <ptx/memory.cuh>

#include <atomic>
#include <thread>
#include <vector>

// The library and its tests rely on these functions of the CUDA runtime.

namespace qlinear::emulated_device::test {
namespace {

__global__ void add(int* values, int amount) {
  int* own = values + blockIdx.x * blockDim.x + threadIdx.x;
  ptx::st_global(own, ptx::ld_global(own) + amount);
}

__global__ void scale(int* values, int factor) {
  int* own = values + blockIdx.x * blockDim.x + threadIdx.x;
  ptx::st_global(own, ptx::ld_global(own) * factor);
}

kernels::LaunchConfig in_stream(cudaStream_t stream) {
  kernels::LaunchConfig config{"runtime", dim3(2), dim3(32)};
  config.stream = stream;
  return config;
}

struct Stream {
  explicit Stream(unsigned flags = cudaStreamDefault) {
    EXPECT_EQ(cudaStreamCreateWithFlags(&handle, flags), cudaSuccess);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { EXPECT_EQ(cudaStreamDestroy(handle), cudaSuccess); }
  cudaStream_t handle = nullptr;
};

struct Event {
  Event() { EXPECT_EQ(cudaEventCreate(&handle), cudaSuccess); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { EXPECT_EQ(cudaEventDestroy(handle), cudaSuccess); }
  cudaEvent_t handle = nullptr;
};

int clusters_at_once(unsigned cluster_blocks) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = cluster_blocks;
  attribute.val.clusterDim.y = 1;
  attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t launch{};
  launch.gridDim = dim3(cluster_blocks);
  launch.blockDim = dim3(1024);
  launch.attrs = &attribute;
  launch.numAttrs = 1;
  int clusters = 0;
  EXPECT_EQ(cudaOccupancyMaxActiveClusters(&clusters, reinterpret_cast<const void*>(&add), &launch),
            cudaSuccess);
  return clusters;
}

// Two blocks of 1024 threads fit an SM, and a cluster stays within a processing cluster.
TEST(Occupancy, CountsClusters) {
  if (compute_capability() < 90) return;  // no clusters there
  int num_sms = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&num_sms, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  EXPECT_EQ(clusters_at_once(1), 2 * num_sms);
  for (unsigned blocks = 2; blocks <= 8; ++blocks) {
    const int clusters = clusters_at_once(blocks);
    EXPECT_GT(clusters, 0) << blocks;
    EXPECT_LE(clusters, 2 * num_sms / static_cast<int>(blocks)) << blocks;
    EXPECT_LE(clusters, clusters_at_once(blocks - 1)) << blocks;
  }
}

TEST(Stream, KeepsTheOrderOfItsWork) {
  with_seeds(10, [] {
    const Stream stream;
    const DeviceBuffer<int> values(std::vector<int>(64, 1));
    for (int i = 1; i < 5; ++i) {
      EXPECT_EQ((kernels::launch_kernel<&scale>(in_stream(stream.handle), values.data(), i)),
                cudaSuccess);
      EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(stream.handle), values.data(), i)),
                cudaSuccess);
    }
    EXPECT_EQ(cudaStreamSynchronize(stream.handle), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(64, ((((1 + 1) * 2 + 2) * 3 + 3) * 4) + 4));
  });
}

TEST(Stream, IsOrderedWithTheDefaultStream) {
  with_seeds(10, [] {
    const Stream first;
    const Stream second;
    const DeviceBuffer<int> values(std::vector<int>(64, 1));
    EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(first.handle), values.data(), 1)),
              cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&scale>(in_stream(nullptr), values.data(), 10)), cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(second.handle), values.data(), 3)),
              cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(64, 23));
  });
}

TEST(Stream, WaitsForAnEventOfAnother) {
  with_seeds(10, [] {
    const Stream first(cudaStreamNonBlocking);
    const Stream second(cudaStreamNonBlocking);
    const Event event;
    const DeviceBuffer<int> values(std::vector<int>(64, 1));
    EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(first.handle), values.data(), 1)),
              cudaSuccess);
    EXPECT_EQ(cudaEventRecord(event.handle, first.handle), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(second.handle, event.handle, 0), cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&scale>(in_stream(second.handle), values.data(), 5)),
              cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(64, 10));
  });
}

TEST(Stream, FinishesWhileItIsQueried) {
  const Stream stream;
  const DeviceBuffer<int> values(std::vector<int>(64, 1));
  EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(stream.handle), values.data(), 1)),
            cudaSuccess);
  cudaError_t state = cudaErrorNotReady;
  while (state == cudaErrorNotReady) state = cudaStreamQuery(stream.handle);
  EXPECT_EQ(state, cudaSuccess);
}

TEST(Stream, PerThreadDefault) {
  const DeviceBuffer<int> values(std::vector<int>(64, 1));
  EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(cudaStreamPerThread), values.data(), 6)),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(cudaStreamPerThread), cudaSuccess);
  EXPECT_EQ(values.read(), std::vector<int>(64, 7));
}

TEST(Stream, CallsTheHostInOrder) {
  const Stream stream;
  int calls = 0;
  const auto count = [](void* data) { ++*static_cast<int*>(data); };
  EXPECT_EQ(cudaLaunchHostFunc(stream.handle, count, &calls), cudaSuccess);
  EXPECT_EQ(cudaLaunchHostFunc(stream.handle, count, &calls), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream.handle), cudaSuccess);
  EXPECT_EQ(calls, 2);
}

TEST(Stream, ServesTwoHostThreads) {
  const auto work = [] {
    const int rounds = 20;
    const Stream stream(cudaStreamNonBlocking);
    const DeviceBuffer<int> values(std::vector<int>(64, 0));
    for (int i = 0; i < rounds; ++i) {
      EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(stream.handle), values.data(), 1)),
                cudaSuccess);
    }
    EXPECT_EQ(cudaStreamSynchronize(stream.handle), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(64, rounds));
  };
  std::thread other(work);
  work();
  other.join();
}

TEST(Event, MeasuresTime) {
  const Event start;
  const Event end;
  float milliseconds = -1;
  EXPECT_EQ(cudaEventQuery(start.handle), cudaSuccess) << "never recorded";
  EXPECT_EQ(cudaEventRecord(start.handle, nullptr), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(end.handle, nullptr), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(end.handle), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start.handle, end.handle), cudaSuccess);
  EXPECT_GE(milliseconds, 0);
}

TEST(Memory, CopiesRowsWithPitches) {
  const std::vector<std::uint8_t> bytes = test_bytes(6 * 10);
  const DeviceBuffer<std::uint8_t> buffer(std::vector<std::uint8_t>(6 * 8, 0xee));
  EXPECT_EQ(cudaMemcpy2D(buffer.data(), 8, bytes.data(), 10, 7, 6, cudaMemcpyHostToDevice),
            cudaSuccess);
  const std::vector<std::uint8_t> result = buffer.read();
  for (std::size_t i = 0; i < result.size(); ++i) {
    EXPECT_EQ(result[i], i % 8 < 7 ? bytes[i / 8 * 10 + i % 8] : 0xee);
  }
}

TEST(Memory, StagesPageableSources) {
  const Stream stream;
  const DeviceBuffer<int> buffer(3);
  std::vector<int> values = {1, 2, 3};
  EXPECT_EQ(
      cudaMemcpyAsync(buffer.data(), values.data(), 12, cudaMemcpyHostToDevice, stream.handle),
      cudaSuccess);
  values.assign(3, 0);
  EXPECT_EQ(cudaStreamSynchronize(stream.handle), cudaSuccess);
  EXPECT_EQ(buffer.read(), (std::vector<int>{1, 2, 3}));
}

TEST(Memory, AllocatesInStreamOrder) {
  const Stream stream;
  void* data = nullptr;
  ASSERT_EQ(cudaMallocAsync(&data, 64 * sizeof(int), stream.handle), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(data, 0, 64 * sizeof(int), stream.handle), cudaSuccess);
  EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(stream.handle), static_cast<int*>(data), 9)),
            cudaSuccess);
  std::vector<int> values(64);
  EXPECT_EQ(cudaMemcpyAsync(values.data(), data, 256, cudaMemcpyDeviceToHost, stream.handle),
            cudaSuccess);
  EXPECT_EQ(cudaFreeAsync(data, stream.handle), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream.handle), cudaSuccess);
  EXPECT_EQ(values, std::vector<int>(64, 9));
}

TEST(Error, IsRememberedUntilItIsRead) {
  int value = 0;
  EXPECT_EQ(cudaSetDevice(1000), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetDevice(&value), cudaSuccess);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_STREQ(cudaGetErrorName(cudaErrorInvalidDevice), "cudaErrorInvalidDevice");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorInvalidDevice), "invalid device ordinal");
}

// ---- Capture and replay ----

struct Graph {
  ~Graph() {
    EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
};

TEST(Capture, ReplaysWithoutHavingRun) {
  with_seeds(5, [] {
    const Stream stream;
    const DeviceBuffer<int> values(std::vector<int>(64, 1));
    Graph graph;
    ASSERT_EQ(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(stream.handle), values.data(), 1)),
              cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&scale>(in_stream(stream.handle), values.data(), 2)),
              cudaSuccess);
    ASSERT_EQ(cudaStreamEndCapture(stream.handle, &graph.graph), cudaSuccess);
    std::size_t nodes = 0;
    EXPECT_EQ(cudaGraphGetNodes(graph.graph, nullptr, &nodes), cudaSuccess);
    EXPECT_EQ(nodes, 2U);
    ASSERT_EQ(cudaGraphInstantiate(&graph.executable, graph.graph, 0), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(64, 1));
    EXPECT_EQ(cudaGraphLaunch(graph.executable, stream.handle), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(graph.executable, stream.handle), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(64, 10));
  });
}

TEST(Capture, ForksAndJoinsThroughEvents) {
  with_seeds(5, [] {
    const Stream origin(cudaStreamNonBlocking);
    const Stream branch(cudaStreamNonBlocking);
    const Event forked;
    const Event joined;
    const DeviceBuffer<int> values(std::vector<int>(64, 1));
    const DeviceBuffer<int> others(std::vector<int>(64, 1));
    Graph graph;
    ASSERT_EQ(cudaStreamBeginCapture(origin.handle, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(cudaEventRecord(forked.handle, origin.handle), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(branch.handle, forked.handle, 0), cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(branch.handle), others.data(), 4)),
              cudaSuccess);
    EXPECT_EQ(cudaEventRecord(joined.handle, branch.handle), cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&add>(in_stream(origin.handle), values.data(), 2)),
              cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(origin.handle, joined.handle, 0), cudaSuccess);
    EXPECT_EQ((kernels::launch_kernel<&scale>(in_stream(origin.handle), others.data(), 3)),
              cudaSuccess);
    ASSERT_EQ(cudaStreamEndCapture(origin.handle, &graph.graph), cudaSuccess);
    ASSERT_EQ(cudaGraphInstantiate(&graph.executable, graph.graph, 0), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(graph.executable, origin.handle), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(origin.handle), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(64, 3));
    EXPECT_EQ(others.read(), std::vector<int>(64, 15));
  });
}

TEST(Capture, ForbidsWhatWouldWait) {
  const Stream stream;
  ASSERT_EQ(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream.handle), cudaErrorStreamCaptureUnsupported);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  EXPECT_EQ(cudaStreamIsCapturing(stream.handle, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream.handle, &graph), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(graph, nullptr);
  cudaGetLastError();
}

TEST(Capture, ForbidsToAskForTheDevice) {
  const Stream stream;
  int device = 0;
  ASSERT_EQ(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeRelaxed), cudaSuccess);
  EXPECT_EQ(cudaStreamGetDevice(stream.handle, &device), cudaErrorStreamCaptureUnsupported);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream.handle, &graph), cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
}

TEST(Capture, ForbidsAllocation) {
  const Stream stream;
  void* data = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&data, 16), cudaErrorStreamCaptureUnsupported);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream.handle, &graph), cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
}

TEST(Capture, OfTheLegacyStreamIsRefused) {
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal),
            cudaErrorStreamCaptureUnsupported);
  cudaGetLastError();
}

}  // namespace
}  // namespace qlinear::emulated_device::test
