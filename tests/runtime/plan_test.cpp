// A plan as its caller sees it: empty problems, workspaces, copies.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"
#include "support/types.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<float, S8>;
using Args = Plan::Args;
using QuantizePlan = DynamicRangeQuantizePlan<float, S8>;

constexpr LinearCase kCase{.m = 3, .n = 4, .k = 5, .bias = true, .seed = 2};

TEST(EmptyProblems, LaunchOnlyWhatHasWork) {
  struct {
    LinearCase problem;
    std::size_t launches;
  } const cases[] = {{{.m = 0, .n = 4, .k = 5}, 0},
                     {{.m = 0, .n = 0, .k = 0}, 0},
                     {{.m = 3, .n = 0, .k = 5}, 1},   // The scratch is written all the same.
                     {{.m = 3, .n = 4, .k = 0}, 2}};  // An empty sum is zero, not left unwritten.
  for (const auto& [problem, launches] : cases) {
    const Stream stream;
    const Plan plan = Plan::select(stream, linear_descriptor<float, S8>(problem)).value();
    const DeviceLinear<float, S8> device(problem, make_operands<float, S8>(problem));
    Status status;
    const CapturedGraph graph(stream, [&] { status = plan.run(stream, {}, device.args()); });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(graph.nodes(), launches) << problem;
  }
}

TEST(EmptyProblems, TakeNullPointers) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<float, S8>({.m = 0, .n = 0})).value();
  Args args{};
  args.activation = {nullptr, {0, 1}, {1, 1}};
  args.weight_q = {nullptr, {0, 1}, {1, 1}};
  args.weight_scale.stride = {1};
  args.output = {nullptr, {0, 0}, {0, 1}};
  args.act_q_scratch = {nullptr, {0, 1}, {1, 1}};
  args.act_scale_scratch.stride = {1};
  const Status status = plan.run(stream, {}, args);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(EmptyProblems, AnEmptySumIsZeroOrTheBias) {
  for (const TypePair types : kTypePairs) {
    for (const bool bias : {false, true}) {
      EXPECT_TRUE(is_exact(run_case(types, {.m = 3, .n = 70, .k = 0, .bias = bias, .seed = 8})));
    }
  }
}

constexpr LinearCase kSplitCase{.m = 3, .n = 16, .k = 768, .seed = 4};

/// A plan with a workspace for each kernel that can split K in three.
std::vector<Plan> plans_with_workspace(cudaStream_t stream) {
  std::vector<Plan> plans;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm || !runs_here(sku)) continue;
    LinearCase c = kSplitCase;
    c.kernel = sku.name;
    c.split_k = 3;
    const auto plan = Plan::select(stream, linear_descriptor<float, S8>(c), preference_of(c));
    if (plan.ok() && plan.value().workspace_size() > 0) plans.push_back(plan.value());
  }
  return plans;
}

TEST(Workspaces, AreWhatTensorCoreKernelsSplitWith) {
  const Stream stream;
  EXPECT_FALSE(plans_with_workspace(stream).empty());
}

TEST(Workspaces, TooSmallOnesAreRefused) {
  const Stream stream;
  for (const Plan& plan : plans_with_workspace(stream)) {
    SCOPED_TRACE(plan.sku().name);
    const DeviceLinear<float, S8> device(kSplitCase, make_operands<float, S8>(kSplitCase));
    const GuardedWorkspace workspace(plan.workspace_size());
    for (const Workspace small : {Workspace{workspace.get().data, plan.workspace_size() - 1},
                                  Workspace{workspace.get().data, 0}}) {
      const Status status = plan.run(stream, small, device.args());
      EXPECT_EQ(status.code(), StatusCode::WorkspaceTooSmall);
      EXPECT_NE(status.message().find(std::to_string(plan.workspace_size())), std::string::npos)
          << status.message();
      EXPECT_EQ(plan.multiply(stream, small, device.args()).code(), StatusCode::WorkspaceTooSmall);
    }
    const Workspace null{nullptr, plan.workspace_size()};
    EXPECT_EQ(plan.run(stream, null, device.args()).code(), StatusCode::InvalidProblem);
    EXPECT_EQ(plan.multiply(stream, null, device.args()).code(), StatusCode::InvalidProblem);
    auto* shifted = static_cast<unsigned char*>(workspace.get().data) + 8;
    EXPECT_EQ(plan.run(stream, {shifted, plan.workspace_size()}, device.args()).code(),
              StatusCode::InvalidProblem);
    stream.synchronize();
    EXPECT_TRUE(device.untouched());
  }
}

// Counters in a workspace are the kernels' business: what an earlier call left there is harmless.
TEST(Workspaces, MayHoldAnythingAndBeUsedAgain) {
  const Stream stream;
  for (const Plan& plan : plans_with_workspace(stream)) {
    SCOPED_TRACE(plan.sku().name);
    const auto operands = make_operands<float, S8>(kSplitCase);
    const auto expected = reference_result(kSplitCase, operands);
    const GuardedWorkspace workspace(plan.workspace_size());
    for (int repeat = 0; repeat < 2; ++repeat) {
      const DeviceLinear<float, S8> device(kSplitCase, operands);
      ASSERT_TRUE(plan.run(stream, workspace.get(), device.args()).ok());
      stream.synchronize();
      EXPECT_TRUE(device.holds(expected));
      const DeviceLinear<float, S8> halves(kSplitCase, operands);
      ASSERT_TRUE(plan.quantize_activation(stream, halves.args()).ok());
      ASSERT_TRUE(plan.multiply(stream, workspace.get(), halves.args()).ok());
      stream.synchronize();
      EXPECT_TRUE(halves.holds(expected));
      EXPECT_TRUE(workspace.guards_intact());
    }
  }
}

/// `args` with one tensor moved to the beginning of `memory`.
std::vector<std::pair<const char*, Args>> with_a_tensor_at(void* memory, const Args& args) {
  std::vector<std::pair<const char*, Args>> moved(7, {"", args});
  const auto move = [&](std::size_t index, const char* name, auto member) {
    moved[index].first = name;
    auto& data = (moved[index].second.*member).data;
    data = static_cast<std::remove_reference_t<decltype(data)>>(memory);
  };
  move(0, "activation", &Args::activation);
  move(1, "weight_q", &Args::weight_q);
  move(2, "weight_scale", &Args::weight_scale);
  move(3, "output", &Args::output);
  move(4, "act_q_scratch", &Args::act_q_scratch);
  move(5, "act_scale_scratch", &Args::act_scale_scratch);
  move(6, "bias", &Args::bias);
  return moved;
}

TEST(Workspaces, OverlapNoTensor) {
  LinearCase c = kSplitCase;
  c.bias = true;
  const Stream stream;
  for (const Plan& plan : plans_with_workspace(stream)) {
    SCOPED_TRACE(plan.sku().name);
    const DeviceLinear<float, S8> device(c, make_operands<float, S8>(c));
    const std::size_t used = plan.workspace_size();
    const DeviceBuffer memory(used + (std::size_t{1} << 16));
    memory.upload(std::vector<std::byte>(memory.bytes()).data());  // Activations are read there.
    const Workspace whole{memory.data(), memory.bytes()};
    auto* const last = static_cast<std::byte*>(memory.data()) + (used - 8);
    for (void* const address : {memory.data(), static_cast<void*>(last)}) {
      for (const auto& [name, args] : with_a_tensor_at(address, device.args())) {
        const Status ran = plan.run(stream, whole, args);
        EXPECT_EQ(ran.code(), StatusCode::InvalidProblem) << name;
        EXPECT_NE(ran.message().find("workspace at"), std::string::npos) << ran.message();
        EXPECT_NE(ran.message().find("overlaps " + std::string(name)), std::string::npos)
            << ran.message();
        const Status multiplied = plan.multiply(stream, whole, args);
        const bool looked_at = std::string(name) != "activation";
        EXPECT_EQ(multiplied.code(), looked_at ? StatusCode::InvalidProblem : StatusCode::Ok)
            << name;
      }
    }
    // What follows the bytes that are used may hold tensors, as in the arena of an engine.
    for (const auto& [name, args] : with_a_tensor_at(last + 8, device.args())) {
      EXPECT_TRUE(plan.run(stream, whole, args).ok()) << name;
    }
    stream.synchronize();
    EXPECT_TRUE(device.inputs_untouched());
  }
}

TEST(Workspaces, AreFreeWhereThePlanNeedsNone) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<float, S8>(kCase)).value();
  ASSERT_EQ(plan.workspace_size(), 0U);
  const auto operands = make_operands<float, S8>(kCase);
  const DeviceLinear<float, S8> device(kCase, operands);
  // Nothing is written there, so it may be anywhere: at no bytes, at tensors, unaligned.
  void* const output = device.args().output.data;
  for (const Workspace workspace : {Workspace{output, 0}, Workspace{output, 64},
                                    Workspace{static_cast<std::byte*>(output) + 1, 64}}) {
    EXPECT_TRUE(plan.run(stream, workspace, device.args()).ok());
  }
  EXPECT_EQ(plan.run(stream, {nullptr, 64}, device.args()).code(), StatusCode::InvalidProblem);
  stream.synchronize();
  EXPECT_TRUE(device.holds(reference_result(kCase, operands)));
}

/// Strides that lead to no second element, spoiled.
template <class Tensor>
void spoil_strides(Tensor& tensor, std::int64_t nonsense) {
  const auto elements = std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1},
                                        std::multiplies<>());
  for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    if (tensor.shape[axis] == 1 || elements == 0) tensor.stride[axis] = nonsense;
  }
}

Args with_spoiled_strides(Args args, std::int64_t nonsense) {
  spoil_strides(args.activation, nonsense);
  spoil_strides(args.weight_q, nonsense);
  spoil_strides(args.weight_scale, nonsense);
  spoil_strides(args.output, nonsense);
  spoil_strides(args.act_q_scratch, nonsense);
  spoil_strides(args.act_scale_scratch, nonsense);
  spoil_strides(args.bias, nonsense);
  return args;
}

// Every plan of these shapes gives the same bits, whatever stands where a stride means nothing.
TEST(Strides, CountOnlyWhereTheyLeadToAnotherElement) {
  const Stream stream;
  for (const std::int64_t m : {0, 1, 4, 33}) {
    for (const std::int64_t n : {0, 1, 5, 70}) {
      for (const std::int64_t k : {0, 1, 16, 33}) {
        for (const std::int64_t nonsense :
             {std::int64_t{0}, std::int64_t{-7}, n, std::numeric_limits<std::int64_t>::max()}) {
          const LinearCase c{.m = m, .n = n, .k = k, .bias = true, .seed = 3};
          SCOPED_TRACE(::testing::Message() << c << ", strides of " << nonsense);
          const auto operands = make_operands<float, S8>(c);
          const DeviceLinear<float, S8> device(c, operands);
          const Args args = with_spoiled_strides(device.args(), nonsense);
          const Plan plan = Plan::select(stream, linear_descriptor<float, S8>(c)).value();
          const Status checked = plan.can_implement(args);
          ASSERT_TRUE(checked.ok()) << checked.message();
          ASSERT_TRUE(plan.run(stream, {}, args).ok());
          stream.synchronize();
          EXPECT_TRUE(device.holds(reference_result(c, operands)));
        }
      }
    }
  }
}

TEST(PlanValue, CopiesOutliveTheOriginal) {
  const Stream stream;
  const auto operands = make_operands<float, S8>(kCase);
  const DeviceLinear<float, S8> device(kCase, operands);
  std::vector<Plan> copies;
  {
    const auto original = Plan::select(stream, linear_descriptor<float, S8>(kCase));
    copies.push_back(original.value());
    copies.push_back(copies.front());
  }
  copies.erase(copies.begin());
  ASSERT_TRUE(copies.front().run(stream, {}, device.args()).ok());
  stream.synchronize();
  EXPECT_TRUE(device.holds(reference_result(kCase, operands)));
}

TEST(PlanValue, TellsWhatItWasMadeFor) {
  const Stream stream;
  LinearCase c = kCase;
  c.q_min = -100;
  const auto plan =
      QuantizedLinearPlan<double, U8>::select(stream, linear_descriptor<double, U8>(c));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan.value().descriptor().m, c.m);
  EXPECT_EQ(plan.value().descriptor().c_out, c.n);
  EXPECT_EQ(plan.value().descriptor().k, c.k);
  EXPECT_EQ(plan.value().descriptor().q_min, -100);
  const KernelSku& sku = plan.value().sku();
  EXPECT_EQ(sku.category, KernelCategory::Gemm);
  EXPECT_EQ(sku.op, KernelOp::QuantizedLinear);
  EXPECT_EQ(sku.element, ElementKind::F64);
  EXPECT_EQ(sku.weight_element, ElementKind::U8);
  EXPECT_EQ(sku.accumulator, ElementKind::S32);
  EXPECT_NE(to_string(sku).find(sku.name), std::string::npos);
}

TEST(PlanValue, TakesElementKindsFromItsTypes) {
  const Stream stream;
  const QuantizedLinearDescriptor descriptor{3, 4, 5};
  for (const TypePair pair : kTypePairs) {
    visit_pair(pair, [&]<class TIn, class TWQ>(TypeTag<TIn>, TypeTag<TWQ>) {
      const auto plan = QuantizedLinearPlan<TIn, TWQ>::select(stream, descriptor);
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      EXPECT_EQ(plan.value().descriptor().activation_element, pair.activation);
      EXPECT_EQ(plan.value().descriptor().weight_element, pair.weight);
      EXPECT_EQ(plan.value().sku().element, pair.activation);
      EXPECT_EQ(plan.value().sku().weight_element, pair.weight);
    });
  }
  for (const ElementKind kind : kActivationKinds) {
    visit_activation(kind, [&]<class TIn>(TypeTag<TIn>) {
      const auto plan = DynamicRangeQuantizePlan<TIn, S8>::select(stream, {3, 5});
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      EXPECT_EQ(plan.value().descriptor().activation_element, kind);
      EXPECT_EQ(plan.value().descriptor().quantized_element, ElementKind::S8);
      EXPECT_EQ(plan.value().sku().element, kind);
      const auto fake = FakeQuantizePlan<TIn>::select(stream, {3, 5});
      ASSERT_TRUE(fake.ok()) << fake.status().message();
      EXPECT_EQ(fake.value().descriptor().activation_element, kind);
      EXPECT_EQ(fake.value().sku().element, kind);
    });
  }
}

// What a plan holds is no part of the ABI: its size is, and that its bytes can be copied.
TEST(PlanValue, IsBytesOfAFixedSize) {
  static_assert(sizeof(Plan) == 384 && sizeof(QuantizedLinearPlan<double, U8>) == 384);
  static_assert(sizeof(QuantizePlan) == 192);
  static_assert(sizeof(FakeQuantizePlan<float>) == 192);
  static_assert(std::is_trivially_copyable_v<Plan> && std::is_trivially_copyable_v<QuantizePlan> &&
                std::is_trivially_copyable_v<FakeQuantizePlan<float>>);
}

TEST(PlanValue, GuaranteesBits) {
  const Stream stream;
  const auto check_guarantee = [](const PrecisionGuarantee& guarantee, ElementKind math) {
    EXPECT_EQ(guarantee.math_precision, math);
    EXPECT_EQ(guarantee.accumulator, ElementKind::S32);
    EXPECT_TRUE(guarantee.deterministic);
    EXPECT_TRUE(guarantee.bit_stable_on_same_hardware);
    EXPECT_TRUE(guarantee.bit_stable_across_hardware);
    EXPECT_TRUE(guarantee.batch_invariant);
  };
  check_guarantee(
      Plan::select(stream, linear_descriptor<float, S8>(kCase)).value().precision_guarantee(),
      ElementKind::F32);
  check_guarantee(
      QuantizedLinearPlan<double, S8>::select(stream, linear_descriptor<double, S8>(kCase))
          .value()
          .precision_guarantee(),
      ElementKind::F64);
  check_guarantee(
      QuantizePlan::select(stream, quantize_descriptor<float>(kCase)).value().precision_guarantee(),
      ElementKind::F32);
}

}  // namespace
}  // namespace qlinear::test
