// Several devices in one process. Machines with one skip; the emulated device has two.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <latch>
#include <optional>
#include <string>
#include <thread>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<float, U8>;

constexpr LinearCase kCase{.m = 5, .n = 19, .k = 64, .seed = 14};

int device_count() {
  int count = 0;
  check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  return count;
}

int current_device() {
  int device = -1;
  check(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

/// Makes a device current for a scope.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device) : previous_(current_device()) {
    check(cudaSetDevice(device), "cudaSetDevice");
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;
  ~CurrentDevice() { static_cast<void>(cudaSetDevice(previous_)); }

 private:
  int previous_;
};

/// Stream and tensors on one device.
struct Residents {
  explicit Residents(int device) : scope(device), tensors(kCase, make_operands<float, U8>(kCase)) {}
  CurrentDevice scope;
  Stream stream;
  DeviceLinear<float, U8> tensors;
};

TEST(Devices, AreAsManyAsAskedFor) {
  const char* emulated = std::getenv("QLINEAR_EMULATED_DEVICES");
  EXPECT_GE(device_count(), emulated == nullptr ? 1 : 2);
}

class OtherDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    if (device_count() < 2) GTEST_SKIP() << "this machine has one device, the test needs two";
  }
};

/// Calls `check(device)` for each device but the first, which is current before and after.
template <class Check>
void for_other_devices(const Check& check_device) {
  for (int device = 1; device < device_count(); ++device) {
    SCOPED_TRACE("device " + std::to_string(device));
    ASSERT_EQ(current_device(), 0);
    check_device(device);
  }
}

TEST_F(OtherDevice, SumsRowsOnTheDeviceOfTheStream) {
  for_other_devices([](int device) {
    const auto weight = make_operands<float, U8>(kCase).weight;
    HostMatrix<std::int32_t> expected(1, kCase.n);
    ASSERT_TRUE(reference::weight_sums(weight.matrix(), expected.vector()).ok());
    std::optional<CurrentDevice> scope(device);
    const Stream stream;
    const GuardedMatrix<U8> matrix(weight, {}, kNanPoison);
    const GuardedMatrix<std::int32_t> sums(1, kCase.n, {}, kFinitePoison);
    scope.reset();
    ASSERT_EQ(current_device(), 0);
    const Status status = weight_sums(stream, matrix.ref(), sums.vector_mut());
    EXPECT_TRUE(status.ok()) << status.message();
    stream.synchronize();
    EXPECT_TRUE(same_matrix("sums", expected, sums.download()));
    EXPECT_EQ(current_device(), 0);
  });
}

TEST_F(OtherDevice, RunsOnTheDeviceOfTheStream) {
  for_other_devices([](int device) {
    const Residents other(device);
    const CurrentDevice first(0);
    const auto plan = Plan::select(other.stream, linear_descriptor<float, U8>(kCase));
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    const Status status = plan.value().run(other.stream, {}, other.tensors.args());
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(current_device(), 0) << "run must leave the current device as it was";
    other.stream.synchronize();
    EXPECT_TRUE(other.tensors.holds(reference_result(kCase, make_operands<float, U8>(kCase))));
  });
}

TEST_F(OtherDevice, APlanOfAnotherDeviceIsRefused) {
  for_other_devices([](int device) {
    const Residents other(device);
    const CurrentDevice first(0);
    const Stream first_stream;
    const Plan plan = Plan::select(first_stream, linear_descriptor<float, U8>(kCase)).value();
    const auto args = other.tensors.args();
    for (const Status& status :
         {plan.run(other.stream, {}, args), plan.quantize_activation(other.stream, args),
          plan.multiply(other.stream, {}, args)}) {
      EXPECT_EQ(status.code(), StatusCode::InvalidProblem);
      EXPECT_NE(status.message().find("device 0"), std::string::npos) << status.message();
      EXPECT_NE(status.message().find("device " + std::to_string(device)), std::string::npos)
          << status.message();
    }
    Status captured;
    {
      const CapturedGraph graph(other.stream, [&] { captured = plan.run(other.stream, {}, args); });
    }
    EXPECT_EQ(captured.code(), StatusCode::InvalidProblem);
    EXPECT_EQ(current_device(), 0);
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "the refusal is told by the Status alone";
    other.stream.synchronize();
    EXPECT_TRUE(other.tensors.untouched());
  });
}

TEST_F(OtherDevice, GivesTheSameBits) {
  for_other_devices([](int device) {
    const auto operands = make_operands<float, U8>(kCase);
    const auto first = device_result(kCase, operands);
    const CurrentDevice other(device);
    EXPECT_TRUE(same_result(first, device_result(kCase, operands)));
  });
}

TEST_F(OtherDevice, IsMeantByItsDefaultStream) {
  for_other_devices([](int device) {
    const Residents other(device);
    const auto plan = Plan::select(nullptr, linear_descriptor<float, U8>(kCase));
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    ASSERT_TRUE(plan.value().run(nullptr, {}, other.tensors.args()).ok());
    check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    EXPECT_TRUE(other.tensors.holds(reference_result(kCase, make_operands<float, U8>(kCase))));
  });
}

// The capture must survive the question for the stream's device, whatever its mode.
TEST_F(OtherDevice, IsMeantByItsStreamDuringACapture) {
  for (const auto mode : {cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal,
                          cudaStreamCaptureModeRelaxed}) {
    for_other_devices([mode](int device) {
      const Residents other(device);
      const CurrentDevice first(0);
      std::optional<Plan> plan;
      Status status;
      const CapturedGraph graph(
          other.stream,
          [&] {
            const auto selected = Plan::select(other.stream, linear_descriptor<float, U8>(kCase));
            status = selected.status();
            if (!selected.ok()) return;
            plan = selected.value();
            status = plan->run(other.stream, {}, other.tensors.args());
          },
          mode);
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(current_device(), 0);
      graph.launch(other.stream);
      other.stream.synchronize();
      const auto expected = reference_result(kCase, make_operands<float, U8>(kCase));
      EXPECT_TRUE(other.tensors.holds(expected));
      // A plan of another device would be refused outside the capture.
      EXPECT_TRUE(plan->run(other.stream, {}, other.tensors.args()).ok());
      other.stream.synchronize();
    });
  }
}

// Each thread with the other's device current.
TEST_F(OtherDevice, ServesTwoThreadsCrosswise) {
  constexpr int kRuns = 8;
  const auto operands = make_operands<float, U8>(kCase);
  const auto expected = reference_result(kCase, operands);
  std::latch start(2);
  const auto work = [&](int device) {
    const Residents own(device);
    const CurrentDevice crosswise(1 - device);
    start.arrive_and_wait();
    for (int i = 0; i < kRuns; ++i) {
      const auto plan = Plan::select(own.stream, linear_descriptor<float, U8>(kCase));
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      const Status status = plan.value().run(own.stream, {}, own.tensors.args());
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(current_device(), 1 - device);
    }
    own.stream.synchronize();
    EXPECT_TRUE(own.tensors.holds(expected));
  };
  std::thread other(work, 1);
  work(0);
  other.join();
}

}  // namespace
}  // namespace qlinear::test
