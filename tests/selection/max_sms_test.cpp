// Plans for fewer SMs than the GPU has.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/environment.hpp"
#include "support/kernel_grid.hpp"
#include "support/linear_run.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace qlinear::test {
namespace {

using Bf16 = __nv_bfloat16;
using Plan = QuantizedLinearPlan<Bf16, S8>;
constexpr TypePair kTypes{ElementKind::BF16, ElementKind::S8};

/// More tiles than a few SMs hold, of every kernel.
constexpr LinearCase kManyTiles{.m = 200, .n = 1300, .k = 144, .seed = 3};
constexpr LinearCase kFewTokens{.m = 5, .n = 700, .k = 272, .seed = 4};

class MaxSms : public ::testing::Test {
 private:
  ScopedVariable no_kernel_{"QLINEAR_KERNEL", nullptr};
  ScopedVariable no_quantize_kernel_{"QLINEAR_QUANTIZE_KERNEL", nullptr};
  ScopedVariable no_log_{"QLINEAR_LOG", nullptr};
};

int num_sms() {
  int count = 0;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0), "num_sms");
  return count;
}

std::vector<KernelSku> kernels_here() {
  std::vector<KernelSku> kernels;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category == KernelCategory::Gemm && runs_here(sku) &&
        supports(sku, kTypes.activation, kTypes.weight)) {
      kernels.push_back(sku);
    }
  }
  return kernels;
}

bool walks_over_tiles(std::string_view kernel) {
  return kernel.starts_with("wgmma") || kernel.find("_tma_") != std::string_view::npos;
}

Result<Plan> select(const LinearCase& c) {
  const Stream stream;
  return Plan::select(stream, linear_descriptor<Bf16, S8>(c), preference_of(c));
}

/// Blocks of the GEMM that a plan for `c` launches.
std::int64_t gemm_blocks(const Plan& plan, const LinearCase& c) {
  const Stream stream;
  const DeviceLinear<Bf16, S8> device(c, make_operands<Bf16, S8>(c));
  const GuardedWorkspace workspace(plan.workspace_size());
  const CapturedGraph graph(
      stream, [&] { ASSERT_TRUE(plan.multiply(stream, workspace.get(), device.args()).ok()); });
  const std::vector<std::int64_t> grids = graph.grids();
  EXPECT_EQ(grids.size(), 1U);
  return grids.empty() ? 0 : grids[0];
}

class MaxSmsOfKernel : public ::testing::TestWithParam<KernelShard> {};

TEST_P(MaxSmsOfKernel, KeepsBits) {
  if (!runs_here(GetParam().sku)) return;
  for (LinearCase c : {LinearCase{.m = 200, .n = 264, .k = 80, .bias = true}, kFewTokens}) {
    c.kernel = GetParam().sku.name;
    for (const int sms : {1, 3}) {
      c.max_sms = sms;
      for (const int split : {0, 2}) {
        c.split_k = split;
        // One SM may have no room for a cluster, and some kernels do not split K.
        EXPECT_TRUE(
            meets(run_case(types_of(GetParam().sku, 1), c),
                  split == 0 && sms > 1 ? Expectation::Exact : Expectation::ExactOrDeclined));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, MaxSmsOfKernel,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 81)),
                         shard_name);

TEST_F(MaxSms, KeepsBitsOfWhatIsChosen) {
  for (LinearCase c : {LinearCase{.m = 100, .n = 700, .k = 144}, kFewTokens,
                       LinearCase{.m = 1, .n = 64, .k = 8208}}) {
    for (const int sms : {1, 2, 3, 5, 8, 1000, std::numeric_limits<int>::max()}) {
      c.max_sms = sms;
      EXPECT_TRUE(is_exact(run_case(kTypes, c)));
    }
  }
}

TEST_F(MaxSms, BoundsTheBlocksOfKernelsThatWalkOverTiles) {
  for (const KernelSku& sku : kernels_here()) {
    if (!walks_over_tiles(sku.name)) continue;
    LinearCase c = kManyTiles;
    c.kernel = sku.name;
    c.split_k = 1;
    // How many an SM holds: from a plan for four SMs, which has more tiles than those hold.
    c.max_sms = 4;
    const std::int64_t of_four = gemm_blocks(select(c).value(), c);
    EXPECT_TRUE(of_four == 4 || of_four == 8) << sku.name << ' ' << of_four;
    for (const int sms : {1, 2, 3}) {
      c.max_sms = sms;
      const auto plan = select(c);
      if (!plan.ok()) {
        EXPECT_EQ(plan.status().code(), StatusCode::Unsupported);
        EXPECT_NE(plan.status().message().find("PlanPreference::max_sms = 1 leaves no room"),
                  std::string::npos)
            << plan.status().message();
        continue;
      }
      EXPECT_LE(gemm_blocks(plan.value(), c), of_four / 4 * sms) << sku.name;
    }
    c.max_sms = num_sms();
    const std::int64_t all = gemm_blocks(select(c).value(), c);
    c.max_sms = 0;
    EXPECT_EQ(gemm_blocks(select(c).value(), c), all) << sku.name;
  }
}

// What select splits of itself fills no more than the SMs either.
TEST_F(MaxSms, BoundsTheSplitThatIsChosen) {
  if (device_architecture() != 90) return;
  for (LinearCase c :
       {LinearCase{.m = 1, .n = 128, .k = 8192}, LinearCase{.m = 8, .n = 512, .k = 4096},
        LinearCase{.m = 64, .n = 1024, .k = 2048}}) {
    for (const int sms : {1, 2, 3, 7, 16}) {
      c.max_sms = sms;
      const auto plan = select(c);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      if (!walks_over_tiles(plan.value().sku().name)) continue;
      EXPECT_LE(gemm_blocks(plan.value(), c), 2 * sms) << c << ' ' << plan.value().sku().name;
    }
  }
}

TEST_F(MaxSms, IsPartOfWhatIsRemembered) {
  LinearCase c{.m = 64, .n = 8192, .k = 8192};
  const std::string all = select(c).value().sku().name;
  c.max_sms = 2;
  const std::string few = select(c).value().sku().name;
  EXPECT_EQ(select(c).value().sku().name, few);
  c.max_sms = 0;
  EXPECT_EQ(select(c).value().sku().name, all);
  c.max_sms = num_sms();
  EXPECT_EQ(select(c).value().sku().name, all);
  if (device_architecture() == 90) {
    EXPECT_NE(few, all);
  }
}

TEST_F(MaxSms, CountsForTheQuantizePlan) {
  if (device_architecture() < 90) return;
  const Stream stream;
  using QuantizePlan = DynamicRangeQuantizePlan<Bf16, S8>;
  const auto descriptor = quantize_descriptor<Bf16>({.m = 4, .k = 9000});
  PlanPreference preference;
  EXPECT_STREQ(QuantizePlan::select(stream, descriptor).value().sku().name, "quantize_cluster");
  preference.max_sms = 4;
  EXPECT_STREQ(QuantizePlan::select(stream, descriptor, preference).value().sku().name,
               "quantize_registers");
}

}  // namespace
}  // namespace qlinear::test
