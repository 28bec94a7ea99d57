// Where there is no memory for a message, calls return their code all the same and throw nothing.

#include "support/allocation_counter.hpp"
#include "support/device.hpp"
#include "support/environment.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<float, S8>;
using QuantizePlan = DynamicRangeQuantizePlan<float, S8>;

constexpr LinearCase kCase{.m = 3, .n = 4, .k = 5, .bias = true, .seed = 2};
constexpr LinearCase kSplitCase{.m = 3, .n = 16, .k = 768, .seed = 4};
constexpr std::size_t kMostAllocations = 1000;

/// How often `call` allocates if it gets all that it asks for.
std::size_t allocations_of(const std::function<Status()>& call) {
  const AllocationCounter counter;
  (void)call();
  return counter.count();
}

/// `call` gives `code` with however few allocations it must do, and its whole message with all.
void expect_code_whatever_fails(StatusCode code, const std::function<Status()>& call) {
  const Status whole = call();
  EXPECT_EQ(whole.code(), code) << whole.message();
  const std::size_t needed = allocations_of(call);
  ASSERT_GT(needed, 0U) << whole.message();
  ASSERT_LT(needed, kMostAllocations);
  for (std::size_t allowed = 0; allowed < needed; ++allowed) {
    Status status;
    {
      const AllocationLimit limit(allowed);
      status = call();
    }
    EXPECT_EQ(status.code(), code) << allowed << " of " << needed << ": " << whole.message();
    EXPECT_FALSE(status.message().empty()) << allowed;
  }
  EXPECT_EQ(call().message(), whole.message());
}

TEST(AllocationLimit, IsKept) {
  const AllocationLimit limit(1);
  ::operator delete(::operator new(4));
  EXPECT_THROW(::operator delete(::operator new(4)), std::bad_alloc);
}

TEST(OutOfMemory, SelectKeepsTheCode) {
  const Stream stream;
  const auto good = linear_descriptor<float, S8>(kCase);
  const auto select = [&](const auto& descriptor, const PlanPreference& preference) {
    return [&stream, descriptor, preference] {
      return Plan::select(stream, descriptor, preference).status();
    };
  };
  auto negative = good;
  negative.m = -1;
  auto too_long = good;
  too_long.k = 1 << 20;
  expect_code_whatever_fails(StatusCode::InvalidProblem, select(negative, {}));
  expect_code_whatever_fails(StatusCode::Unsupported, select(too_long, {}));
  expect_code_whatever_fails(StatusCode::InvalidProblem, select(good, {.split_k = -1}));
  expect_code_whatever_fails(StatusCode::Unsupported, select(good, {.split_k = 1000}));
  expect_code_whatever_fails(StatusCode::Unsupported, select(good, {.kernel = "no_such_kernel"}));
  expect_code_whatever_fails(StatusCode::Unsupported,
                             select(good, {.quantize_kernel = "no_such_kernel"}));
  expect_code_whatever_fails(StatusCode::Unsupported,
                             select(good, {.kernel = "mma_m16n8k32_64x64x128", .split_k = 1000}));
  expect_code_whatever_fails(StatusCode::Unsupported, [&] {
    auto long_rows = quantize_descriptor<float>(kCase);
    long_rows.k = 1 << 20;
    return QuantizePlan::select(stream, long_rows, {.quantize_kernel = "quantize_registers"})
        .status();
  });
}

TEST(OutOfMemory, CallsKeepTheCode) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<float, S8>(kCase)).value();
  const auto quantize = QuantizePlan::select(stream, quantize_descriptor<float>(kCase)).value();
  const DeviceLinear<float, S8> device(kCase, make_operands<float, S8>(kCase));
  auto args = device.args();
  args.act_q_scratch.shape[0] = 2;
  const QuantizePlan::Args quantize_args{args.activation, args.act_q_scratch,
                                         args.act_scale_scratch};
  constexpr auto kCode = StatusCode::InvalidProblem;
  expect_code_whatever_fails(kCode, [&] { return plan.can_implement(args); });
  expect_code_whatever_fails(kCode, [&] { return plan.run(stream, {}, args); });
  expect_code_whatever_fails(kCode, [&] { return plan.quantize_activation(stream, args); });
  expect_code_whatever_fails(kCode, [&] { return plan.multiply(stream, {}, args); });
  expect_code_whatever_fails(kCode, [&] { return plan.run(stream, {nullptr, 1}, device.args()); });
  expect_code_whatever_fails(kCode, [&] { return quantize.can_implement(quantize_args); });
  expect_code_whatever_fails(kCode, [&] { return quantize.run(stream, {}, quantize_args); });
  expect_code_whatever_fails(kCode, [&] {
    auto overlapping = device.args();
    overlapping.output.data = const_cast<float*>(overlapping.bias.data);
    return plan.run(stream, {}, overlapping);
  });
  EXPECT_TRUE(device.untouched());
}

TEST(OutOfMemory, TheWorkspacesCheckKeepsTheCode) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<float, S8>(kSplitCase),
                                 {.kernel = "mma_m16n8k32_16x64x256", .split_k = 3})
                        .value();
  const DeviceLinear<float, S8> device(kSplitCase, make_operands<float, S8>(kSplitCase));
  const GuardedWorkspace workspace(plan.workspace_size());
  const auto run_with = [&](std::ptrdiff_t offset, std::size_t bytes) {
    auto* data = static_cast<std::byte*>(workspace.get().data) + offset;
    return [&plan, &stream, &device, data, bytes] {
      return plan.run(stream, {data, bytes}, device.args());
    };
  };
  expect_code_whatever_fails(StatusCode::WorkspaceTooSmall, run_with(0, plan.workspace_size() - 1));
  expect_code_whatever_fails(StatusCode::InvalidProblem, run_with(8, plan.workspace_size()));
}

TEST(OutOfMemory, TheReferenceKeepsTheCode) {
  expect_code_whatever_fails(StatusCode::InvalidProblem, [] {
    return reference::quantized_linear<float, S8>({1, 1, 1}, {});
  });
  expect_code_whatever_fails(StatusCode::InvalidProblem, [] {
    return reference::dynamic_range_quantize<float, S8>({1, 1}, {});
  });
}

TEST(OutOfMemory, CopiesKeepTheCode) {
  const Status failure(StatusCode::Unsupported, "a message that std::string must allocate");
  const Result<int> result(failure);
  expect_code_whatever_fails(StatusCode::Unsupported, [&] { return Status(failure); });
  expect_code_whatever_fails(StatusCode::Unsupported, [&] { return result.status(); });
  expect_code_whatever_fails(StatusCode::Unsupported, [&] {
    Status assigned;
    assigned = failure;
    return assigned;
  });
  expect_code_whatever_fails(StatusCode::InvalidProblem,
                             [] { return Result<int>(Status()).status(); });
}

TEST(OutOfMemory, SelectLogsWhatItCan) {
  const ScopedVariable enabled("QLINEAR_LOG", "1");
  int lines = 0;
  set_log_callback([](void* user, const char*) { ++*static_cast<int*>(user); }, &lines);
  const Stream stream;
  bool ok = false;
  {
    const AllocationLimit limit(0);
    ok = Plan::select(stream, linear_descriptor<float, S8>(kCase)).ok();
  }
  set_log_callback(nullptr, nullptr);
  EXPECT_TRUE(ok);
  EXPECT_EQ(lines, 1);
}

TEST(OutOfMemory, CallsAreNoexcept) {
  static_assert(noexcept(Plan::select({}, {}))&& noexcept(QuantizePlan::select({}, {})));
  using Calls = const Plan&;
  using QuantizeCalls = const QuantizePlan&;
  static_assert(noexcept(std::declval<Calls>().run({}, {}, std::declval<const Plan::Args&>())));
  static_assert(noexcept(
      std::declval<QuantizeCalls>().run({}, {}, std::declval<const QuantizePlan::Args&>())));
  static_assert(std::is_nothrow_copy_constructible_v<Status> &&
                std::is_nothrow_copy_assignable_v<Status> &&
                std::is_nothrow_move_assignable_v<Status>);
}

}  // namespace
}  // namespace qlinear::test
