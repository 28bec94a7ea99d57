// Calls of the CUDA runtime that fail inside of select and run: the Status says so, the next call
// is not marked by it, and the runtime's last error stays the caller's.

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <emulated_device/emulated_device.hpp>

#include <gtest/gtest.h>

#include <string>

namespace qlinear::test {
namespace {

using emulated_device::fail_calls;
using Plan = QuantizedLinearPlan<__half, S8>;
using Device = DeviceLinear<__half, S8>;

/// Its kernels need tensor maps, clusters' occupancy and more than 48 KB of shared memory.
constexpr LinearCase kCase{.m = 8, .n = 64, .k = 512, .seed = 5};

/// ctest asks for so many devices. Each is queried once, so that each serves for one failure.
constexpr int kDevices = 16;

/// As every failure of the CUDA runtime must be told.
void expect_told(const Status& status, const std::string& error) {
  EXPECT_EQ(status.code(), StatusCode::CudaError);
  EXPECT_NE(status.message().find(error), std::string::npos) << status.message();
}

Result<Plan> select_on(int device) {
  check(cudaSetDevice(device), "cudaSetDevice");
  return Plan::select(nullptr, linear_descriptor<__half, S8>(kCase));
}

std::string choice(const Result<Plan>& plan) {
  if (!plan.ok()) return plan.status().message();
  return plan.value().sku().name + std::string(" ") + std::to_string(plan.value().workspace_size());
}

class CudaFailure : public ::testing::Test {
 protected:
  void SetUp() override {
    int devices = 0;
    ASSERT_EQ(cudaGetDeviceCount(&devices), cudaSuccess);
    if (devices < kDevices) GTEST_SKIP() << "run it with QLINEAR_EMULATED_DEVICES=16";
  }
  void TearDown() override {
    emulated_device::clear_failing_calls();
    static_cast<void>(cudaGetLastError());
  }
};

TEST_F(CudaFailure, OfAnAttributePasses) {
  constexpr int kAttributes = 8;
  const std::string expected = choice(select_on(kDevices - 1));
  for (int attribute = 0; attribute < kAttributes; ++attribute) {
    SCOPED_TRACE(attribute);
    fail_calls("cudaDeviceGetAttribute", cudaErrorDevicesUnavailable, attribute);
    expect_told(select_on(attribute).status(), "cudaDeviceGetAttribute");
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
    EXPECT_EQ(choice(select_on(attribute)), expected);
    emulated_device::clear_failing_calls();
  }
}

TEST_F(CudaFailure, OfTheOccupancyOfClustersPasses) {
  const std::string expected = choice(select_on(kDevices - 1));
  for (const int query : {0, 1, 8, 14}) {
    SCOPED_TRACE(query);
    fail_calls("cudaOccupancyMaxActiveClusters", cudaErrorMemoryAllocation, query);
    expect_told(select_on(query).status(), "cudaOccupancyMaxActiveClusters");
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
    EXPECT_EQ(choice(select_on(query)), expected);
    emulated_device::clear_failing_calls();
  }
}

// A driver that does not tell its clocks is no failure, and leaves none behind.
TEST_F(CudaFailure, OfWhatADriverDoesNotTellIsNone) {
  constexpr int kFirstClock = 5;
  fail_calls("cudaDeviceGetAttribute", cudaErrorNotSupported, kFirstClock);
  EXPECT_TRUE(select_on(0).ok());
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

class FailingRun : public CudaFailure {
 protected:
  Status run() const { return plan.run(stream, workspace.get(), device.args()); }
  void expect_right() const {
    const Status status = run();
    ASSERT_TRUE(status.ok()) << status.message();
    stream.synchronize();
    EXPECT_TRUE(device.holds(reference_result(kCase, make_operands<__half, S8>(kCase))));
  }

  Stream stream;
  Plan plan = Plan::select(stream, linear_descriptor<__half, S8>(kCase)).value();
  Device device{kCase, make_operands<__half, S8>(kCase)};
  GuardedWorkspace workspace{plan.workspace_size()};
};

TEST_F(FailingRun, IsFollowedByOneThatSucceeds) {
  for (const char* call : {"cudaGetDriverEntryPointByVersion", "cudaFuncSetAttribute",
                           "cudaLaunchKernelExC", "cudaGetDevice"}) {
    SCOPED_TRACE(call);
    fail_calls(call, cudaErrorMemoryAllocation);
    expect_told(run(), "cudaErrorMemoryAllocation");
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    emulated_device::clear_failing_calls();
    if (std::string(call) == "cudaLaunchKernelExC") expect_right();
  }
  expect_right();
}

TEST_F(CudaFailure, OfEachLaunchOfFakeQuantizationIsTold) {
  const Stream stream;
  const auto plan =
      FakeQuantizePlan<__half>::select(stream, quantize_descriptor<__half>(kCase)).value();
  const Device device(kCase, make_operands<__half, S8>(kCase));
  const GuardedMatrix<__half> output(kCase.m, kCase.k, {}, kNanPoison);
  const FakeQuantizeArgs<__half> args{device.quantize_args(), output.mut()};
  for (const int launch : {0, 1}) {
    fail_calls("cudaLaunchKernelExC", cudaErrorMemoryAllocation, launch);
    expect_told(plan.run(stream, {}, args), "cudaErrorMemoryAllocation");
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    emulated_device::clear_failing_calls();
  }
  stream.synchronize();
  EXPECT_TRUE(output.untouched("output"));
  EXPECT_TRUE(plan.run(stream, {}, args).ok());
  stream.synchronize();
}

TEST_F(CudaFailure, OfSumsIsTold) {
  const Stream stream;
  const Device device(kCase, make_operands<__half, S8>(kCase));
  const GuardedMatrix<std::int32_t> sums(1, kCase.n, {}, kFinitePoison);
  for (const char* call : {"cudaGetDevice", "cudaLaunchKernelExC"}) {
    SCOPED_TRACE(call);
    fail_calls(call, cudaErrorMemoryAllocation);
    expect_told(weight_sums(stream, device.weight.ref(), sums.vector_mut()),
                "cudaErrorMemoryAllocation");
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    emulated_device::clear_failing_calls();
  }
  EXPECT_TRUE(sums.untouched("sums"));
  EXPECT_TRUE(weight_sums(stream, device.weight.ref(), sums.vector_mut()).ok());
  stream.synchronize();
}

// The runtime holds one error: ours may have replaced the caller's, but there still is one.
TEST_F(FailingRun, LeavesTheCallerAnError) {
  EXPECT_EQ(cudaSetDevice(1000), cudaErrorInvalidDevice);
  fail_calls("cudaLaunchKernelExC", cudaErrorMemoryAllocation);
  EXPECT_FALSE(run().ok());
  EXPECT_NE(cudaGetLastError(), cudaSuccess);
}

TEST_F(CudaFailure, OfSelectLeavesTheCallerAnError) {
  EXPECT_EQ(cudaSetDevice(1000), cudaErrorInvalidDevice);
  fail_calls("cudaDeviceGetAttribute", cudaErrorDevicesUnavailable);
  EXPECT_FALSE(select_on(0).ok());
  EXPECT_NE(cudaGetLastError(), cudaSuccess);
}

TEST_F(FailingRun, OfTheArgumentsLeavesTheCallersError) {
  EXPECT_EQ(cudaSetDevice(1000), cudaErrorInvalidDevice);
  auto args = device.args();
  args.output.data = nullptr;
  EXPECT_EQ(plan.run(stream, workspace.get(), args).code(), StatusCode::InvalidProblem);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
}

TEST_F(FailingRun, DoesNotHideThatOthersSucceed) {
  EXPECT_EQ(cudaSetDevice(1000), cudaErrorInvalidDevice);
  EXPECT_TRUE(Plan::select(stream, linear_descriptor<__half, S8>(kCase)).ok());
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
}

// A plan that was selected on the wrong device would be worse than none.
TEST_F(CudaFailure, ToTellTheDeviceOfACaptureIsRefused) {
  ASSERT_TRUE(select_on(0).ok());
  const Stream stream;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
  fail_calls("cudaGetDriverEntryPointByVersion", cudaErrorNotSupported);
  const auto plan = Plan::select(stream, linear_descriptor<__half, S8>(kCase));
  expect_told(plan.status(), "select the plan before the capture begins");
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_TRUE(Plan::select(stream, linear_descriptor<__half, S8>(kCase)).ok());
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

}  // namespace
}  // namespace qlinear::test
