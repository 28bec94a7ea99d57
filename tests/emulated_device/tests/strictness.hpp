#pragma once

#include "device_test.hpp"

#include <gmock/gmock.h>
#include <emulated_device/emulated_device.hpp>

#include <string>

// The tests that include this break every rule of the emulated device once: the kernel stops, or is
// refused, with a message that names kernel, block, thread and seed.

namespace qlinear::emulated_device::test {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Strictness : public ::testing::Test {
 protected:
  void SetUp() override { set_seed(5); }
  void TearDown() override { clear_failure(); }

  /// Expects the launched kernel to stop with `error` and a message with `what` in it.
  static void expect_stopped(cudaError_t error, const std::string& what) {
    EXPECT_EQ(cudaDeviceSynchronize(), error);
    EXPECT_THAT(last_failure(), AllOf(StartsWith("kernel 'test' grid ("), HasSubstr("): block ("),
                                      HasSubstr(" thread ("), HasSubstr(what),
                                      HasSubstr("[QLINEAR_EMULATED_SEED=5]")));
    EXPECT_EQ(cudaDeviceSynchronize(), error) << "a failed kernel is not forgotten";
  }

  template <auto kKernel, class... Args>
  static void expect_stopped(const kernels::LaunchConfig& config, cudaError_t error,
                             const std::string& what, Args... args) {
    ASSERT_EQ((kernels::launch_kernel<kKernel>(config, args...)), cudaSuccess);
    expect_stopped(error, what);
  }
};

}  // namespace qlinear::emulated_device::test
