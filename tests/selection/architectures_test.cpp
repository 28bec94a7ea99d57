#include <device/architectures.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

// Which GPUs a build serves, and what it says to others.

namespace qlinear::test {
namespace {

using detail::check_architecture;

void expect_refusal(std::string_view list, int architecture, const char* remedy,
                    const char* not_said) {
  const Status status = check_architecture(list, 3, architecture);
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  const std::string& message = status.message();
  EXPECT_NE(message.find("device 3"), std::string::npos) << message;
  EXPECT_NE(message.find("compiled for " + std::string(list)), std::string::npos) << message;
  EXPECT_NE(message.find(remedy), std::string::npos) << message;
  EXPECT_EQ(message.find(not_said), std::string::npos) << message;
}

TEST(Architectures, ThoseServedAreAccepted) {
  for (const int architecture : {80, 86, 90, 100}) {
    EXPECT_TRUE(check_architecture("80-real;90a-real;100", 0, architecture).ok()) << architecture;
  }
}

TEST(Architectures, AGpuThatIsNewerThanTheBuildAsksForARebuild) {
  expect_refusal("80-real", 90, "rebuild it with 90a in QLINEAR_CUDA_ARCHITECTURES", "use a newer");
  expect_refusal("80-real;90a-real", 100, "rebuild it with 100 in", "use a newer");
  expect_refusal("75-real;100-real;120", 110, "rebuild it with 110 in", "use a newer");
}

TEST(Architectures, AnOlderGpuThatIsSupportedAsksForARebuild) {
  expect_refusal("90a-real", 80, "rebuild it with 80 in", "use a newer");
  expect_refusal("80-real", 75, "rebuild it with 75 in", "use a newer");
}

TEST(Architectures, AGpuThatNothingServesAsksForANewerOne) {
  expect_refusal("75-real;80-real", 70, "use a newer GPU, compute capability 7.5", "rebuild");
}

}  // namespace
}  // namespace qlinear::test
