#include "strictness.hpp"

#include <ptx/memory.cuh>

namespace qlinear::emulated_device::test {
namespace {

// ---- Launches ----

__global__ void nothing() {}

class Refusal : public Strictness {
 protected:
  static void expect_refused(const kernels::LaunchConfig& config, cudaError_t error,
                             const std::string& what) {
    EXPECT_EQ((kernels::launch_kernel<&nothing>(config)), error);
    EXPECT_EQ(cudaGetLastError(), error);
    EXPECT_THAT(last_failure(), AllOf(HasSubstr("kernel 'test' grid ("), HasSubstr(what)));
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  }
};

TEST_F(Refusal, EmptyGrid) {
  expect_refused({"test", dim3(0), dim3(32)}, cudaErrorInvalidConfiguration, "empty");
}

TEST_F(Refusal, TooManyBlocksInY) {
  expect_refused({"test", dim3(1, 65536), dim3(32)}, cudaErrorInvalidConfiguration, "65535");
}

TEST_F(Refusal, TooManyThreads) {
  expect_refused(one_block("test", 1025), cudaErrorInvalidConfiguration, "1025 threads");
}

TEST_F(Refusal, TooMuchSharedMemory) {
  EXPECT_EQ((kernels::launch_kernel<&nothing>(one_block("test", 32, 228 * 1024))),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

TEST_F(Refusal, SharedMemoryThatNobodyAllowed) {
  LaunchRequest request{};
  request.name = "test";
  request.dynamic_shared_bytes = 49 * 1024;
  request.body = nothing;
  EXPECT_EQ(launch(request, nullptr), cudaErrorInvalidValue);
  EXPECT_THAT(last_failure(), HasSubstr("cudaFuncSetAttribute allows this kernel 49152"));
}

TEST_F(Refusal, SharedMemoryThatWasAllowedBeforeAReset) {
  LaunchRequest request{};
  request.name = "test";
  request.function = reinterpret_cast<const void*>(&nothing);
  request.grid = request.block = request.cluster = dim3(1);
  request.dynamic_shared_bytes = 49 * 1024;
  request.body = nothing;
  ASSERT_EQ(cudaFuncSetAttribute(request.function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 50 * 1024),
            cudaSuccess);
  EXPECT_EQ(launch(request, nullptr), cudaSuccess);
  ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_EQ(launch(request, nullptr), cudaErrorInvalidValue);
}

TEST_F(Refusal, WhatATestAskedFor) {
  fail_calls("cudaLaunchKernelExC", cudaErrorMemoryAllocation, 1);
  const auto launch_once = [] { return kernels::launch_kernel<&nothing>(one_block("test", 32)); };
  EXPECT_EQ(launch_once(), cudaSuccess);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  EXPECT_EQ(launch_once(), cudaErrorMemoryAllocation);
  EXPECT_EQ(launch_once(), cudaSuccess) << "only one call fails";
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation) << "a success leaves the error alone";
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  clear_failing_calls();
}

TEST_F(Refusal, GridThatIsNoMultipleOfTheCluster) {
  kernels::LaunchConfig config{"test", dim3(3), dim3(32)};
  config.cluster = dim3(2);
  expect_refused(config, cudaErrorInvalidConfiguration, "no multiple of the cluster (2,1,1)");
}

TEST_F(Refusal, ClusterAboveThePortableSize) {
  kernels::LaunchConfig config{"test", dim3(16), dim3(32)};
  config.cluster = dim3(16);
  expect_refused(config, cudaErrorInvalidClusterSize, "at most 8");
}

TEST_F(Refusal, StreamThatDoesNotExist) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  kernels::LaunchConfig config = one_block("test", 1);
  config.stream = stream;
  expect_refused(config, cudaErrorInvalidResourceHandle, "the stream does not exist");
}

// ---- What comes after a failure ----

__global__ void stop() { __trap(); }

__global__ void store(int* address) { ptx::st_global(address, 0); }

TEST_F(Strictness, DropsWhatFollowsAFailedKernel) {
  const DeviceBuffer<int> buffer(std::vector<int>{1});
  ASSERT_EQ((kernels::launch_kernel<&stop>(one_block("test", 1))), cudaSuccess);
  ASSERT_EQ((kernels::launch_kernel<&store>(one_block("after", 1), buffer.data())), cudaSuccess);
  int value = 0;
  EXPECT_EQ(cudaMemcpy(&value, buffer.data(), 4, cudaMemcpyDeviceToHost), cudaErrorLaunchFailure);
  EXPECT_EQ((kernels::launch_kernel<&store>(one_block("after", 1), buffer.data())),
            cudaErrorLaunchFailure);
  clear_failure();
  EXPECT_EQ(last_failure(), "");
  EXPECT_EQ(buffer.read(), std::vector<int>{1});
}

TEST_F(Strictness, ReproducesARunFromItsSeed) {
  const DeviceBuffer<int> buffer(1);
  const auto first_failure = [&buffer] {
    set_seed(77);
    EXPECT_EQ((kernels::launch_kernel<&store>(kernels::LaunchConfig{"test", dim3(9), dim3(99)},
                                              buffer.data() + 1)),
              cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
    std::string message = last_failure();
    clear_failure();
    return message;
  };
  const std::string message = first_failure();
  EXPECT_EQ(first_failure(), message);
}

}  // namespace
}  // namespace qlinear::emulated_device::test
