// The environment configures the emulated device. A process reads it once.

#include "../../support/environment.hpp"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace qlinear::test {
namespace {

struct Refusal {
  const char* variable;
  const char* value;
  const char* expected;
};

constexpr const char* kAnySeed = "a decimal number from 0 to 18446744073709551615";
constexpr const char* kModelled = "one of 70 75 80 86 89 90 100 120";

class RefusedSetting : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedSetting, NamesTheRange) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const ScopedVariable variable(GetParam().variable, GetParam().value);
  int count = 0;
  EXPECT_EXIT(static_cast<void>(cudaGetDeviceCount(&count)),
              ::testing::ExitedWithCode(EXIT_FAILURE),
              std::string(GetParam().variable) + "=" + GetParam().value + ", expected " +
                  GetParam().expected + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    , RefusedSetting,
    ::testing::Values(Refusal{"QLINEAR_EMULATED_SEED", "-1", kAnySeed},
                      Refusal{"QLINEAR_EMULATED_SEED", "18446744073709551616", kAnySeed},
                      Refusal{"QLINEAR_EMULATED_SM", "91", kModelled},
                      Refusal{"QLINEAR_EMULATED_SM", "9.0", kModelled},
                      Refusal{"QLINEAR_EMULATED_SM_COUNT", "0", "a decimal number from 1 to 1024"},
                      Refusal{"QLINEAR_EMULATED_L2_BYTES", "1x",
                              "a decimal number from 1 to 1073741824"},
                      Refusal{"QLINEAR_EMULATED_DEVICES", "17", "a decimal number from 0 to 16"}));

}  // namespace
}  // namespace qlinear::test
