// On a GPU that is older than every architecture this build was compiled for. ctest sets the
// emulated device to such a one.

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <string>

namespace qlinear::test {
namespace {

constexpr LinearCase kCase{.m = 3, .n = 4, .k = 5};

void expect_refusal(const Status& status) {
  const int architecture = device_architecture();
  const std::string found =
      std::to_string(architecture / 10) + "." + std::to_string(architecture % 10);
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_NE(status.message().find("compute capability " + found), std::string::npos)
      << status.message();
  EXPECT_NE(status.message().find("compiled for " QLINEAR_TEST_ARCHITECTURES), std::string::npos)
      << status.message();
}

TEST(OldGpu, IsRefusedByTheLinearPlan) {
  const Stream stream;
  expect_refusal(
      QuantizedLinearPlan<float, S8>::select(stream, linear_descriptor<float, S8>(kCase)).status());
}

TEST(OldGpu, IsRefusedByTheQuantizePlan) {
  const Stream stream;
  expect_refusal(
      DynamicRangeQuantizePlan<float, S8>::select(stream, quantize_descriptor<float>(kCase))
          .status());
}

TEST(OldGpu, IsRefusedAgainTheSecondTime) {
  const Stream stream;
  const auto select = [&] {
    return QuantizedLinearPlan<float, S8>::select(stream, linear_descriptor<float, S8>(kCase))
        .status()
        .message();
  };
  EXPECT_EQ(select(), select());
}

TEST(OldGpu, LeavesTheReferenceAlone) {
  const auto operands = make_operands<float, S8>(kCase);
  EXPECT_EQ(reference_result(kCase, operands).output.rows(), kCase.m);
}

}  // namespace
}  // namespace qlinear::test
