// Plans on streams: graphs, order, threads, default streams.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<__half, S8>;
using Device = DeviceLinear<__half, S8>;

constexpr LinearCase kCase{.m = 17, .n = 40, .k = 96, .bias = true, .seed = 6};

Plan select_plan(const LinearCase& c) {
  const Stream stream;
  return Plan::select(stream, linear_descriptor<__half, S8>(c)).value();
}

LinearCase with_seed(std::uint64_t seed) {
  LinearCase c = kCase;
  c.seed = seed;
  return c;
}

TEST(Graph, ReplaysWithTheInputsOfTheMoment) {
  const Stream stream;
  const Plan plan = select_plan(kCase);
  Device device(kCase, make_operands<__half, S8>(kCase));
  const GuardedWorkspace workspace(plan.workspace_size());
  Status status;
  const CapturedGraph graph(stream,
                            [&] { status = plan.run(stream, workspace.get(), device.args()); });
  ASSERT_TRUE(status.ok()) << status.message();
  stream.synchronize();
  EXPECT_TRUE(device.untouched()) << "a capture must not run anything";

  for (const std::uint64_t seed : {6, 7, 8}) {
    const LinearCase c = with_seed(seed);
    const auto operands = make_operands<__half, S8>(c);
    device.activation.upload(operands.activation);
    device.weight.upload(operands.weight);
    device.weight_scale.upload(operands.weight_scale);
    device.bias.upload(operands.bias);
    graph.launch(stream);
    stream.synchronize();
    EXPECT_TRUE(device.holds(reference_result(c, operands))) << c;
  }
}

TEST(Graph, HoldsEveryKernelOnce) {
  const Stream stream;
  LinearCase c = kCase;
  c.workspace = WorkspaceUse::Forbidden;
  const Plan plan =
      Plan::select(stream, linear_descriptor<__half, S8>(c), preference_of(c)).value();
  const Device device(c, make_operands<__half, S8>(c));
  const CapturedGraph graph(stream, [&] { EXPECT_TRUE(plan.run(stream, {}, device.args()).ok()); });
  EXPECT_EQ(graph.nodes(), 2U);
}

// Two layers in a row and nothing between them: the second quantizes what the first wrote.
TEST(Stream, KeepsTheOrderOfLayers) {
  const Stream stream;
  const LinearCase first{.m = 12, .n = 64, .k = 48, .seed = 3};
  const LinearCase second{.m = 12, .n = 33, .k = 64, .seed = 4};
  const auto first_operands = make_operands<__half, S8>(first);
  auto second_operands = make_operands<__half, S8>(second);
  const auto first_expected = reference_result(first, first_operands);
  second_operands.activation = first_expected.output;
  const Plan first_plan = select_plan(first);
  const Plan second_plan = select_plan(second);

  const Device first_device(first, first_operands);
  const Device second_device(second, second_operands);
  const GuardedWorkspace first_workspace(first_plan.workspace_size());
  const GuardedWorkspace second_workspace(second_plan.workspace_size());
  auto args = second_device.args();
  const TensorMut<__half, 2> between = first_device.output.mut();
  args.activation = {between.data, between.shape, between.stride};
  ASSERT_TRUE(first_plan.run(stream, first_workspace.get(), first_device.args()).ok());
  ASSERT_TRUE(second_plan.run(stream, second_workspace.get(), args).ok());
  stream.synchronize();
  EXPECT_TRUE(first_device.holds(first_expected));
  EXPECT_TRUE(second_device.holds(reference_result(second, second_operands)));
}

/// Tensors of one seed, run over and over on a stream.
class Lane {
 public:
  Lane(const Plan& plan, std::uint64_t seed)
      : case_(with_seed(seed)),
        operands_(make_operands<__half, S8>(case_)),
        device_(case_, operands_),
        workspace_(plan.workspace_size()) {}

  Status run(const Plan& plan) const { return plan.run(stream_, workspace_.get(), device_.args()); }
  ::testing::AssertionResult finish() const {
    stream_.synchronize();
    return device_.holds(reference_result(case_, operands_));
  }

 private:
  LinearCase case_;
  LinearOperands<__half, S8> operands_;
  Device device_;
  GuardedWorkspace workspace_;
  Stream stream_;
};

TEST(Stream, ThreadsAndStreamsShareOnePlan) {
  const Plan plan = select_plan(kCase);
  const auto work = [&plan](std::uint64_t seed) {
    const std::array<Lane, 2> lanes = {Lane(plan, seed), Lane(plan, seed + 1)};
    for (int repeat = 0; repeat < 8; ++repeat) {
      for (const Lane& lane : lanes) EXPECT_TRUE(lane.run(plan).ok());
    }
    for (const Lane& lane : lanes) EXPECT_TRUE(lane.finish());
  };
  std::thread other(work, 100);
  work(200);
  other.join();
}

TEST(Stream, ThreadsMaySelectAtOnce) {
  const auto work = [] {
    for (int repeat = 0; repeat < 50; ++repeat) {
      LinearCase c = kCase;
      c.m = repeat;
      EXPECT_EQ(select_plan(c).descriptor().m, repeat);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

TEST(Stream, DefaultStreamsWork) {
  const std::array<cudaStream_t, 3> streams = {nullptr, cudaStreamLegacy, cudaStreamPerThread};
  for (const cudaStream_t selected_on : streams) {
    for (const cudaStream_t run_on : streams) {
      const auto plan = Plan::select(selected_on, linear_descriptor<__half, S8>(kCase));
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      const auto operands = make_operands<__half, S8>(kCase);
      const Device device(kCase, operands);
      const GuardedWorkspace workspace(plan.value().workspace_size());
      const Status status = plan.value().run(run_on, workspace.get(), device.args());
      ASSERT_TRUE(status.ok()) << status.message();
      check(cudaStreamSynchronize(run_on), "cudaStreamSynchronize");
      EXPECT_TRUE(device.holds(reference_result(kCase, operands)));
    }
  }
}

}  // namespace
}  // namespace qlinear::test
