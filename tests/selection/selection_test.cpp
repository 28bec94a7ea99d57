// Which kernel a plan runs, and how a caller changes that.

#include "support/device.hpp"
#include "support/environment.hpp"
#include "support/linear_run.hpp"
#include "support/log_capture.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<__nv_bfloat16, S8>;
using QuantizePlan = DynamicRangeQuantizePlan<__nv_bfloat16, S8>;

constexpr LinearCase kDecode{.m = 1, .n = 4096, .k = 4096};
constexpr LinearCase kPrefill{.m = 8192, .n = 8192, .k = 8192};
constexpr LinearCase kOdd{.m = 77, .n = 333, .k = 1001};

Result<Plan> select(const LinearCase& c, const PlanPreference& preference = {}) {
  const Stream stream;
  return Plan::select(stream, linear_descriptor<__nv_bfloat16, S8>(c), preference);
}

Result<QuantizePlan> select_quantize(const LinearCase& c, const PlanPreference& preference = {}) {
  const Stream stream;
  return QuantizePlan::select(stream, quantize_descriptor<__nv_bfloat16>(c), preference);
}

std::vector<KernelSku> kernels_of(KernelCategory category) {
  std::vector<KernelSku> kernels;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category == category) kernels.push_back(sku);
  }
  return kernels;
}

void expect_lists(const std::string& message, KernelCategory category) {
  for (const KernelSku& sku : kernels_of(category)) {
    EXPECT_NE(message.find(sku.name), std::string::npos) << sku.name << " in " << message;
  }
}

/// Selection as the library does it when nobody interferes.
class Selection : public ::testing::Test {
 private:
  ScopedVariable no_kernel_{"QLINEAR_KERNEL", nullptr};
  ScopedVariable no_quantize_kernel_{"QLINEAR_QUANTIZE_KERNEL", nullptr};
  ScopedVariable no_log_{"QLINEAR_LOG", nullptr};
};

struct ExpectedChoice {
  int architecture;
  LinearCase shape;
  const char* kernel;
};

/// For the GPU generations that the emulated device can be, with their numbers of num_sms.
const ExpectedChoice kExpectedChoices[] = {
    {75, kDecode, "mma_m8n8k16_16x64x128"},      {75, kPrefill, "mma_m8n8k16_128x128x64"},
    {80, kDecode, "mma_m16n8k32_16x64x256"},     {80, kPrefill, "mma_m16n8k32_128x256x128"},
    {86, kPrefill, "mma_m16n8k32_128x256x64"},   {89, kPrefill, "mma_m16n8k32_128x256x64"},
    {90, kDecode, "wgmma_swapped_8x64"},         {90, kPrefill, "wgmma_multicast_128x256"},
    {100, kPrefill, "mma_m16n8k32_128x256x128"}, {120, kPrefill, "mma_m16n8k32_128x256x64"},
};

TEST_F(Selection, ChoosesByShape) {
  for (const ExpectedChoice& expected : kExpectedChoices) {
    if (expected.architecture != device_architecture()) continue;
    EXPECT_STREQ(select(expected.shape).value().sku().name, expected.kernel) << expected.shape;
  }
}

TEST_F(Selection, UsesTensorCoresForEveryShape) {
  for (const LinearCase& c :
       {kDecode, kPrefill, kOdd, LinearCase{.m = 4096, .n = 4096, .k = 4095}}) {
    const KernelSku sku = select(c).value().sku();
    EXPECT_NE(sku.backend, KernelBackend::Dp4a) << c << ' ' << sku.name;
    EXPECT_NE(sku.backend, KernelBackend::Simt) << c << ' ' << sku.name;
  }
}

TEST_F(Selection, HoldsRowsInRegistersWhereTheyFit) {
  EXPECT_STREQ(select_quantize(kPrefill).value().sku().name, "quantize_registers");
  EXPECT_STREQ(select_quantize({.m = 4000, .k = 100000}).value().sku().name, "quantize_two_pass");
}

TEST_F(Selection, SpreadsFewLongRowsOverClusters) {
  const bool has_clusters = device_architecture() >= 90;
  EXPECT_STREQ(select_quantize({.m = 4, .k = 28672}).value().sku().name,
               has_clusters ? "quantize_cluster" : "quantize_registers");
}

TEST_F(Selection, RegisteredNamesAreUnique) {
  const KernelList kernels = registered_kernels();
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    for (std::size_t j = i + 1; j < kernels.size(); ++j) {
      EXPECT_STRNE(kernels[i].name, kernels[j].name);
    }
  }
}

TEST_F(Selection, ForcesEveryKernelByPreference) {
  for (const KernelSku& sku : registered_kernels()) {
    PlanPreference preference;
    const bool gemm = sku.category == KernelCategory::Gemm;
    (gemm ? preference.kernel : preference.quantize_kernel) = sku.name;
    const auto plan = select(kDecode, preference);
    ASSERT_EQ(plan.ok(), runs_here(sku)) << plan.status().message();
    if (!plan.ok()) {
      EXPECT_EQ(plan.status().code(), StatusCode::Unsupported);
      EXPECT_NE(plan.status().message().find(sku.name), std::string::npos);
    } else if (gemm) {
      EXPECT_STREQ(plan.value().sku().name, sku.name);
    } else {
      EXPECT_STREQ(select_quantize(kDecode, preference).value().sku().name, sku.name);
    }
  }
}

TEST_F(Selection, ForcesEveryKernelByEnvironment) {
  for (const KernelSku& sku : registered_kernels()) {
    if (!runs_here(sku)) continue;
    const bool gemm = sku.category == KernelCategory::Gemm;
    const ScopedVariable forced(gemm ? "QLINEAR_KERNEL" : "QLINEAR_QUANTIZE_KERNEL", sku.name);
    EXPECT_STREQ(
        gemm ? select(kDecode).value().sku().name : select_quantize(kDecode).value().sku().name,
        sku.name);
  }
}

TEST_F(Selection, PreferenceWinsOverEnvironment) {
  std::vector<const char*> names;
  for (const KernelSku& sku : kernels_of(KernelCategory::Gemm)) {
    if (runs_here(sku)) names.push_back(sku.name);
  }
  ASSERT_GE(names.size(), 2U);
  const ScopedVariable forced("QLINEAR_KERNEL", names[0]);
  PlanPreference preference;
  EXPECT_STREQ(select(kDecode).value().sku().name, names[0]);
  preference.kernel = names[1];
  EXPECT_STREQ(select(kDecode, preference).value().sku().name, names[1]);
}

TEST_F(Selection, UnknownKernelsAreRefusedWithTheListOfKnownOnes) {
  PlanPreference preference;
  preference.kernel = "no_such_kernel";
  const Status by_preference = select(kDecode, preference).status();
  EXPECT_EQ(by_preference.code(), StatusCode::Unsupported);
  EXPECT_NE(by_preference.message().find("no_such_kernel"), std::string::npos);
  EXPECT_NE(by_preference.message().find("PlanPreference"), std::string::npos);
  expect_lists(by_preference.message(), KernelCategory::Gemm);

  const ScopedVariable forced("QLINEAR_KERNEL", "no_such_kernel");
  const Status by_environment = select(kDecode).status();
  EXPECT_EQ(by_environment.code(), StatusCode::Unsupported);
  EXPECT_NE(by_environment.message().find("QLINEAR_KERNEL"), std::string::npos);
  expect_lists(by_environment.message(), KernelCategory::Gemm);
}

TEST_F(Selection, UnknownQuantizeKernelsAreRefusedByBothPlans) {
  PlanPreference preference;
  preference.quantize_kernel = "mma_m16n8k32_16x64x256";  // A GEMM kernel.
  for (const Status& status :
       {select(kDecode, preference).status(), select_quantize(kDecode, preference).status()}) {
    EXPECT_EQ(status.code(), StatusCode::Unsupported);
    expect_lists(status.message(), KernelCategory::Quantize);
  }
  const ScopedVariable forced("QLINEAR_QUANTIZE_KERNEL", "no_such_kernel");
  const Status status = select_quantize(kDecode).status();
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_NE(status.message().find("QLINEAR_QUANTIZE_KERNEL"), std::string::npos);
}

TEST_F(Selection, AForcedKernelThatCannotDoTheProblemIsRefused) {
  PlanPreference preference;
  preference.quantize_kernel = "quantize_registers";
  const Status status = select_quantize({.m = 1, .k = 1 << 20}, preference).status();
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_NE(status.message().find("quantize_registers"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("1048576"), std::string::npos) << status.message();
}

TEST_F(Selection, ExtentsBeyondTmaCoordinatesFallToKernelsThatTakeThem) {
  constexpr std::int64_t kLargest = (std::int64_t{1} << 31) - 1;
  PlanPreference preference;
  preference.kernel = "wgmma_128x256";
  for (const LinearCase& c :
       {LinearCase{.m = kLargest, .n = 64, .k = 64}, LinearCase{.m = 1, .n = kLargest, .k = 64}}) {
    EXPECT_EQ(select(c).value().sku().backend, KernelBackend::MmaSync) << c;
    if (device_architecture() != 90) continue;
    const Status status = select(c, preference).status();
    EXPECT_EQ(status.code(), StatusCode::Unsupported) << c;
    EXPECT_NE(status.message().find("2147482624"), std::string::npos) << status.message();
  }
}

TEST_F(Selection, ArchitectureSpecificKernelsCanBeForbidden) {
  PlanPreference preference;
  preference.forbid_architecture_specific = true;
  for (const LinearCase& c : {kDecode, kPrefill, kOdd}) {
    EXPECT_FALSE(select(c, preference).value().sku().architecture_specific) << c;
  }
  for (const KernelSku& sku : kernels_of(KernelCategory::Gemm)) {
    preference.kernel = sku.name;
    const auto plan = select(kDecode, preference);
    EXPECT_EQ(plan.ok(), runs_here(sku) && !sku.architecture_specific) << sku.name;
    EXPECT_EQ(plan.status().code(), plan.ok() ? StatusCode::Ok : StatusCode::Unsupported);
  }
}

// Only Cluster kernels, which want aligned rows, split K without a workspace.
TEST_F(Selection, NoKernelIsCalledForcedThatIsNot) {
  if (device_architecture() != 90) return;
  constexpr LinearCase kUnaligned{.m = 4, .n = 64, .k = 1001};
  PlanPreference preference;
  preference.split_k = 2;
  preference.max_workspace = 0;
  const auto plan = select(kUnaligned, preference);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const DeviceLinear<__nv_bfloat16, S8> device(kUnaligned,
                                               make_operands<__nv_bfloat16, S8>(kUnaligned));
  const Status status = plan.value().can_implement(device.args());
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_EQ(status.message().find("the forced kernel"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("split_k or max_workspace"), std::string::npos)
      << status.message();
}

TEST_F(Selection, AForbiddenKernelIsRefusedWithTheFieldThatForbidsIt) {
  if (device_architecture() != 90) return;
  PlanPreference preference;
  preference.kernel = "wgmma_128x256";
  preference.forbid_architecture_specific = true;
  const Status status = select(kDecode, preference).status();
  EXPECT_NE(status.message().find("forbid_architecture_specific"), std::string::npos)
      << status.message();
  EXPECT_EQ(status.message().find("grid"), std::string::npos) << status.message();
}

TEST_F(Selection, WorkspaceStaysBelowItsLimit) {
  PlanPreference preference;
  for (const LinearCase& c : {kDecode, kPrefill, kOdd}) {
    for (const std::size_t limit : {std::size_t{0}, std::size_t{4096}, std::size_t{1} << 20}) {
      preference.max_workspace = limit;
      EXPECT_LE(select(c, preference).value().workspace_size(), limit) << c;
      for (const KernelSku& sku : kernels_of(KernelCategory::Gemm)) {
        PlanPreference forced = preference;
        forced.kernel = sku.name;
        const auto plan = select(c, forced);
        if (!plan.ok()) continue;
        EXPECT_LE(plan.value().workspace_size(), limit) << c << ' ' << sku.name;
      }
    }
  }
}

TEST_F(Selection, IsLoggedWhereTheEnvironmentAsks) {
  const LogCapture log;
  const ScopedVariable enabled("QLINEAR_LOG", "1");
  const auto plan = select(kDecode);
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_NE(log.lines()[0].find(plan.value().sku().name), std::string::npos) << log.lines()[0];
  EXPECT_EQ(log.lines()[0].find('\n'), std::string::npos);
  const auto quantize = select_quantize(kDecode);
  ASSERT_EQ(log.lines().size(), 2U);
  EXPECT_NE(log.lines()[1].find(quantize.value().sku().name), std::string::npos) << log.lines()[1];
}

TEST_F(Selection, IsLoggedForEveryTrueValue) {
  for (const char* value : {"1", "true", "TRUE", "on", "On", "yes", "y", "2"}) {
    const LogCapture log;
    const ScopedVariable enabled("QLINEAR_LOG", value);
    ASSERT_TRUE(select(kDecode).ok());
    EXPECT_EQ(log.lines().size(), 1U) << value;
  }
}

TEST_F(Selection, IsSilentOtherwise) {
  const LogCapture log;
  ASSERT_TRUE(select(kDecode).ok());
  for (const char* value : {"", "0", "false", "False", "off", "OFF", "no"}) {
    const ScopedVariable disabled("QLINEAR_LOG", value);
    ASSERT_TRUE(select(kDecode).ok());
    EXPECT_TRUE(log.lines().empty()) << value;
  }
}

TEST_F(Selection, SurvivesACallbackThatThrows) {
  const ScopedVariable enabled("QLINEAR_LOG", "1");
  set_log_callback([](void*, const char*) { throw 1; }, nullptr);
  const bool linear = select(kDecode).ok();
  const bool quantize = select_quantize(kDecode).ok();
  set_log_callback(nullptr, nullptr);
  EXPECT_TRUE(linear);
  EXPECT_TRUE(quantize);
}

TEST_F(Selection, LogsToStderrWithoutACallback) {
  const ScopedVariable enabled("QLINEAR_LOG", "1");
  ::testing::internal::CaptureStderr();
  const auto plan = select(kDecode);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find(plan.value().sku().name), std::string::npos) << text;
  EXPECT_EQ(text.back(), '\n');
}

}  // namespace
}  // namespace qlinear::test
