// Several devices in one process: two emulated ones.

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

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

/// Calls `check(device)` for each device but the first, which is current before and after.
template <class Check>
void for_other_devices(const Check& check_device) {
  for (int device = 1; device < device_count(); ++device) {
    SCOPED_TRACE("device " + std::to_string(device));
    ASSERT_EQ(current_device(), 0);
    check_device(device);
  }
}

TEST(OtherDevice, RunsOnTheDeviceOfTheStream) {
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

TEST(OtherDevice, APlanOfAnotherDeviceIsRefused) {
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
    EXPECT_EQ(current_device(), 0);
    other.stream.synchronize();
    EXPECT_TRUE(other.tensors.untouched());
  });
}

TEST(OtherDevice, GivesTheSameBits) {
  for_other_devices([](int device) {
    const auto operands = make_operands<float, U8>(kCase);
    const auto first = device_result(kCase, operands);
    const CurrentDevice other(device);
    EXPECT_TRUE(same_result(first, device_result(kCase, operands)));
  });
}

TEST(OtherDevice, IsMeantByItsDefaultStream) {
  for_other_devices([](int device) {
    const Residents other(device);
    const auto plan = Plan::select(nullptr, linear_descriptor<float, U8>(kCase));
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    ASSERT_TRUE(plan.value().run(nullptr, {}, other.tensors.args()).ok());
    check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    EXPECT_TRUE(other.tensors.holds(reference_result(kCase, make_operands<float, U8>(kCase))));
  });
}

}  // namespace
}  // namespace qlinear::test
