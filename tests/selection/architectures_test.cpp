#include <device/architectures.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

// Which GPUs a build serves, and what it says to others.

namespace qlinear::test {
namespace {

using detail::check_architecture;
using detail::code_version;

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

TEST(CodeVersion, IsTheLatestMachineCodeOfTheMajorVersion) {
  EXPECT_EQ(code_version("75-real;80-real;86-real;90a-real;120", 86), 86);
  EXPECT_EQ(code_version("75-real;80-real;86-real;90a-real;120", 89), 86);
  EXPECT_EQ(code_version("80-real;80-virtual;90a-real", 90), 90);
  EXPECT_EQ(code_version("90a-real;90-virtual", 90), 90);
}

TEST(CodeVersion, IsThatOfPtxWhereThereIsNoMachineCode) {
  EXPECT_EQ(code_version("75-virtual;80-virtual;90a-real", 86), 80);
  EXPECT_EQ(code_version("90a;120-virtual", 100), 0);
  EXPECT_EQ(code_version("90a-real;90-virtual", 100), 90);
  EXPECT_EQ(code_version("", 90), 0);
}

// Such code does not wait for the kernels before it: launched programmatically on an H200 it read
// an activation that was still being quantized.
TEST(CodeVersion, OfOldPtxIsOldOnNewGpus) {
  EXPECT_EQ(code_version("75-virtual", 90), 75);
  EXPECT_EQ(code_version("80", 90), 80);
}

}  // namespace
}  // namespace qlinear::test
