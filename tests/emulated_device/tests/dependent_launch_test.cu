#include "device_test.hpp"

#include <ptx/griddepcontrol.cuh>
#include <ptx/memory.cuh>

#include <vector>

namespace qlinear::emulated_device::test {
namespace {

/// Adds 1 to every value once its predecessor has finished.
__global__ void increment(int* values) {
  ptx::griddepcontrol_launch_dependents();
  ptx::griddepcontrol_wait();
  int* own = values + blockIdx.x * blockDim.x + threadIdx.x;
  ptx::st_global(own, ptx::ld_global(own) + 1);
}

kernels::LaunchConfig dependent(cudaStream_t stream) {
  kernels::LaunchConfig config{"increment", dim3(6), dim3(40)};
  config.stream = stream;
  config.programmatic_dependent = true;
  return config;
}

TEST(DependentLaunch, ChainsKernels) {
  if (compute_capability() < 90) return;  // no programmatic launch there
  with_seeds(20, [] {
    const DeviceBuffer<int> values(std::vector<int>(6 * 40, 0));
    for (int i = 0; i < 5; ++i) {
      ASSERT_EQ((kernels::launch_kernel<&increment>(dependent(nullptr), values.data())),
                cudaSuccess);
    }
    EXPECT_EQ(values.read(), std::vector<int>(values.size(), 5));
  });
}

TEST(DependentLaunch, FollowsACopyCompletely) {
  if (compute_capability() < 90) return;  // no programmatic launch there
  with_seeds(20, [] {
    const DeviceBuffer<int> values(6 * 40);
    ASSERT_EQ(cudaMemsetAsync(values.data(), 0, values.size() * sizeof(int), nullptr), cudaSuccess);
    ASSERT_EQ((kernels::launch_kernel<&increment>(dependent(nullptr), values.data())), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(values.size(), 1));
  });
}

TEST(DependentLaunch, IsCapturedAndReplayed) {
  if (compute_capability() < 90) return;  // no programmatic launch there
  with_seeds(10, [] {
    const DeviceBuffer<int> values(std::vector<int>(6 * 40, 0));
    cudaStream_t stream = nullptr;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ((kernels::launch_kernel<&increment>(dependent(stream), values.data())),
                cudaSuccess);
    }
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    EXPECT_EQ(values.read(), std::vector<int>(values.size(), 6));
    EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  });
}

}  // namespace
}  // namespace qlinear::emulated_device::test
