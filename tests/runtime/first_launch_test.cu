// First launches of kernels that need more shared memory than a kernel gets unasked: from two
// threads at once, and again after a device was reset.

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <ptx/intrinsics.cuh>
#include <runtime/launch.cuh>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#if __has_include(<emulated_device/emulated_device.hpp>)
#include <emulated_device/emulated_device.hpp>
#endif

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<__half, S8>;
using Device = DeviceLinear<__half, S8>;

/// As long as a runtime takes that loads a kernel when it is first asked for.
void load_kernels_slowly() {
#if __has_include(<emulated_device/emulated_device.hpp>)
  emulated_device::delay_function_attributes(std::chrono::milliseconds(2));
#endif
}

template <class First, class Second>
void at_once(const First& first, const Second& second) {
  std::latch start(2);
  std::thread other([&] {
    start.arrive_and_wait();
    second();
  });
  start.arrive_and_wait();
  first();
  other.join();
}

/// A kernel of its own for each try: what was allowed once stays so.
template <std::size_t kTry>
__global__ void nothing() {}

template <std::size_t kTry>
cudaError_t launch_with(std::size_t shared_bytes) {
  kernels::LaunchConfig config{"nothing", dim3(1), dim3(32)};
  config.dynamic_shared_bytes = shared_bytes;
  config.stream = cudaStreamPerThread;
  return kernels::launch_kernel<&nothing<kTry>>(config);
}

template <std::size_t kTry>
void race() {
  SCOPED_TRACE(kTry);
  constexpr std::size_t kLess = 50 * 1024;
  constexpr std::size_t kMore = 60 * 1024;
  at_once([] { EXPECT_EQ(launch_with<kTry>(kLess), cudaSuccess); },
          [] { EXPECT_EQ(launch_with<kTry>(kMore), cudaSuccess); });
  EXPECT_EQ(launch_with<kTry>(kMore), cudaSuccess) << "the race must not be lost for good";
}

template <std::size_t... kTries>
void race_each(std::index_sequence<kTries...>) {
  (race<kTries>(), ...);
}

TEST(FirstLaunch, OfTwoSizesAtOnce) {
  load_kernels_slowly();
  race_each(std::make_index_sequence<32>());
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

/// A plan and all that it runs on, on the current device.
struct Layer {
  explicit Layer(const LinearCase& layer_case)
      : shape(layer_case),
        plan(Plan::select(stream, linear_descriptor<__half, S8>(shape)).value()),
        device(shape, make_operands<__half, S8>(shape)),
        workspace(plan.workspace_size()) {}

  Status run() const { return plan.run(stream, workspace.get(), device.args()); }

  void expect_right() const {
    stream.synchronize();
    EXPECT_TRUE(device.holds(reference_result(shape, make_operands<__half, S8>(shape)))) << shape;
  }

  LinearCase shape;
  Stream stream;
  Plan plan;
  Device device;
  GuardedWorkspace workspace;
};

void expect_runs(const Layer& layer) {
  const Status status = layer.run();
  EXPECT_TRUE(status.ok()) << status.message();
}

constexpr LinearCase kShort{.m = 1, .n = 512, .k = 256, .seed = 1};
constexpr LinearCase kLong{.m = 1, .n = 512, .k = 4096, .seed = 2};

// One kernel with two sizes of shared memory, on H100 and H200. ctest gives the emulated device
// many devices: each is a new first time.
TEST(FirstLaunch, OfTwoPlansAtOnce) {
  load_kernels_slowly();
  int devices = 0;
  ASSERT_EQ(cudaGetDeviceCount(&devices), cudaSuccess);
  for (int device = 0; device < devices; ++device) {
    SCOPED_TRACE("device " + std::to_string(device));
    ASSERT_EQ(cudaSetDevice(device), cudaSuccess);
    const Layer brief(kShort);
    const Layer lengthy(kLong);
    at_once([&] { expect_runs(brief); }, [&] { expect_runs(lengthy); });
    expect_runs(brief);
    expect_runs(lengthy);
    brief.expect_right();
    lengthy.expect_right();
  }
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
}

TEST(DeviceReset, LeavesKernelsOfMuchSharedMemoryUsable) {
  constexpr std::size_t kBytes = 60 * 1024;
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_EQ(launch_with<1000>(kBytes), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
  }
}

TEST(DeviceReset, LeavesPlansUsable) {
  const Plan plan = Layer(kLong).plan;
  for (int repeat = 0; repeat < 3; ++repeat) {
    {
      const Layer layer(kLong);
      const Status status = plan.run(layer.stream, layer.workspace.get(), layer.device.args());
      ASSERT_TRUE(status.ok()) << status.message();
      layer.expect_right();
    }
    ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
  }
}

}  // namespace
}  // namespace qlinear::test
