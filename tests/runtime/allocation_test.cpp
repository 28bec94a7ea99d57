// select and run allocate nothing after the first call.

#include "support/allocation_counter.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <string>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<__nv_bfloat16, S8>;

constexpr LinearCase kCase{.m = 4, .n = 32, .k = 512, .bias = true, .seed = 2};

template <class Call>
std::size_t allocations_of(const Call& call) {
  const AllocationCounter counter;
  call();
  return counter.count();
}

TEST(Allocation, IsCounted) {
  // Called by name: a compiler may leave out a new-expression that is deleted again.
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(4)); }), 1U);
}

TEST(Allocation, SelectNeedsNone) {
  const Stream stream;
  const auto descriptor = linear_descriptor<__nv_bfloat16, S8>(kCase);
  ASSERT_TRUE(Plan::select(stream, descriptor).ok());
  bool ok = false;
  EXPECT_EQ(allocations_of([&] { ok = Plan::select(stream, descriptor).ok(); }), 0U);
  EXPECT_TRUE(ok);
  PlanPreference constant;
  constant.constant_weights = true;
  EXPECT_EQ(allocations_of([&] { ok = Plan::select(stream, descriptor, constant).ok(); }), 0U);
  EXPECT_TRUE(ok);
  EXPECT_EQ(allocations_of([&] {
              ok = DynamicRangeQuantizePlan<__nv_bfloat16, S8>::select(
                       stream, quantize_descriptor<__nv_bfloat16>(kCase))
                       .ok();
            }),
            0U);
}

TEST(Allocation, SelectWithATuningTableOrFewerSmsNeedsNone) {
  const Stream stream;
  const auto descriptor = linear_descriptor<__nv_bfloat16, S8>(kCase);
  ASSERT_TRUE(Plan::select(stream, descriptor).ok());
  int sms = 0;
  check(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0), "num_sms");
  const std::string gpu = std::to_string(device_architecture() / 10) + '.' +
                          std::to_string(device_architecture() % 10) + ' ' + std::to_string(sms);
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm || !runs_here(sku)) continue;
    ASSERT_TRUE(import_tuning_table("qlinear tuning table 1\n" + gpu + " bf16 s8 32 512 1-8 " +
                                    sku.name + " 1")
                    .ok());
    const char* chosen = nullptr;
    const auto select = [&](const PlanPreference& preference) {
      chosen = Plan::select(stream, descriptor, preference).value().sku().name;
    };
    // The first selection since the import, too.
    EXPECT_EQ(allocations_of([&] { select({}); }), 0U);
    EXPECT_STREQ(chosen, sku.name);
    EXPECT_EQ(allocations_of([&] { select({}); }), 0U);
    EXPECT_STREQ(chosen, sku.name);
    EXPECT_EQ(allocations_of([&] { select({.max_sms = 3}); }), 0U);
  }
  clear_tuning_table();
}

TEST(Allocation, CopiesNeedNone) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<__nv_bfloat16, S8>(kCase)).value();
  EXPECT_EQ(allocations_of([&] { static_cast<void>(Plan(plan)); }), 0U);
}

TEST(Allocation, CheckingNeedsNone) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<__nv_bfloat16, S8>(kCase)).value();
  const DeviceLinear<__nv_bfloat16, S8> device(kCase, make_operands<__nv_bfloat16, S8>(kCase));
  const auto args = device.args();
  EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(plan.can_implement(args).ok()); }), 0U);
}

TEST(Allocation, RunNeedsNone) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<__nv_bfloat16, S8>(kCase)).value();
  const DeviceLinear<__nv_bfloat16, S8> device(kCase, make_operands<__nv_bfloat16, S8>(kCase));
  const GuardedWorkspace workspace(plan.workspace_size());
  const auto args = device.args();
  ASSERT_TRUE(plan.run(stream, workspace.get(), args).ok());
  bool ok = false;
  EXPECT_EQ(allocations_of([&] { ok = plan.run(stream, workspace.get(), args).ok(); }), 0U);
  EXPECT_TRUE(ok);
  stream.synchronize();
}

TEST(Allocation, RunOfSharedActivationsNeedsNone) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<__nv_bfloat16, S8>(kCase)).value();
  const DeviceLinear<__nv_bfloat16, S8> device(kCase, make_operands<__nv_bfloat16, S8>(kCase));
  const DeviceLinear<__nv_bfloat16, S8> other(kCase, make_operands<__nv_bfloat16, S8>(kCase));
  const GuardedWorkspace workspace(plan.workspace_size());
  const Plan plans[] = {plan, plan};
  Plan::Args args[] = {device.args(), device.args()};
  args[1].output = other.args().output;
  const auto run = [&] { return Plan::run_shared(stream, workspace.get(), plans, args, 2).ok(); };
  ASSERT_TRUE(run());
  bool ok = false;
  EXPECT_EQ(allocations_of([&] { ok = run(); }), 0U);
  EXPECT_TRUE(ok);
  stream.synchronize();
}

TEST(Allocation, RunOfFakeQuantizationAndSumsNeedNone) {
  const Stream stream;
  const auto plan =
      FakeQuantizePlan<__nv_bfloat16>::select(stream, quantize_descriptor<__nv_bfloat16>(kCase))
          .value();
  const DeviceLinear<__nv_bfloat16, S8> device(kCase, make_operands<__nv_bfloat16, S8>(kCase));
  const GuardedMatrix<__nv_bfloat16> output(kCase.m, kCase.k, {}, kNanPoison);
  const GuardedMatrix<std::int32_t> sums(1, kCase.n, {}, kFinitePoison);
  const FakeQuantizeArgs<__nv_bfloat16> args{device.quantize_args(), output.mut()};
  bool ok = false;
  EXPECT_EQ(allocations_of([&] {
              ok = plan.run(stream, {}, args).ok() &&
                   weight_sums(stream, device.weight.ref(), sums.vector_mut()).ok();
            }),
            0U);
  EXPECT_TRUE(ok);
  stream.synchronize();
}

}  // namespace
}  // namespace qlinear::test
