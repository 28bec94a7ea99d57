// Fake quantization has the bits of the reference, and those that a layer computes with.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"
#include "support/random.hpp"

#include <qlinear/reference.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace qlinear::test {
namespace {

template <class TIn>
using Plan = FakeQuantizePlan<TIn>;

template <class TIn>
class FakeQuantize : public ::testing::Test {};
using ActivationTypes = ::testing::Types<__half, __nv_bfloat16, float, double>;
TYPED_TEST_SUITE(FakeQuantize, ActivationTypes);

/// Draws a source, a scale, and where the tensors lie.
template <class TIn>
LinearCase draw(Random& random, std::int64_t m, std::int64_t k) {
  LinearCase c{.m = m, .n = 0, .k = k};
  draw_source_and_scale(random, element_kind_v<TIn>, false, c.options);
  c.options.weight_zero_points = random.one_in(2);  // Asks for sums.
  if (random.one_in(3)) c.q_min = -static_cast<std::int32_t>(random.between(0, 128));
  c.fill = kFills[random.index(kFills.size())];
  c.tight = random.one_in(2);
  if (random.one_in(2)) {
    c.scratch = {.padding = random.between(0, 17), .offset = random.between(0, 17)};
  }
  c.seed = random.next();
  return c;
}

/// What the reference makes of what a quantize pass wrote.
template <class TIn>
HostMatrix<TIn> reference_output(const LinearCase& c, const LinearResult<TIn>& quantized) {
  HostMatrix<TIn> output(c.m, c.k);
  const TensorRef<S8, 1> zero_points =
      has_zero_points(c.options.scale) ? quantized.act_zero_point.vector() : TensorRef<S8, 1>{};
  const Status status = reference::fake_quantize<TIn>(
      quantized.act_q.matrix(), quantized.act_scale.vector(), zero_points, output.matrix());
  EXPECT_TRUE(status.ok()) << status.message();
  return output;
}

/// Tensors of a call on the device.
template <class TIn>
struct Call {
  Call(const LinearCase& c, const LinearOperands<TIn, S8>& operands, Placement placement)
      : device(c, operands),
        output(c.m, c.k, placement, makes_nans(c.fill) ? kFinitePoison : kNanPoison) {}
  FakeQuantizeArgs<TIn> args() const { return {device.quantize_args(), output.mut()}; }

  DeviceLinear<TIn, S8> device;
  GuardedMatrix<TIn> output;
};

template <class TIn>
void expect_exact(const LinearCase& c, Placement placement) {
  SCOPED_TRACE(to_string(c) + ", output with padding " + std::to_string(placement.padding) +
               ", offset " + std::to_string(placement.offset));
  const Stream stream;
  const auto plan = Plan<TIn>::select(stream, quantize_descriptor<TIn>(c));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const auto operands = make_operands<TIn, S8>(c);
  const Call<TIn> call(c, operands, placement);
  const Status can_implement = plan.value().can_implement(call.args());
  EXPECT_TRUE(can_implement.ok()) << can_implement.message();
  const Status status = plan.value().run(stream, {}, call.args());
  ASSERT_TRUE(status.ok()) << status.message();
  stream.synchronize();
  const auto quantized = reference_result(c, operands);
  EXPECT_TRUE(call.device.holds(quantized));
  EXPECT_TRUE(same_matrix("output", reference_output(c, quantized), call.output.download()));
  EXPECT_TRUE(call.output.guards_intact("output"));
}

TYPED_TEST(FakeQuantize, HasTheBitsOfTheReference) {
  Random random(81);
  for (const std::int64_t k : {1, 15, 16, 17, 31, 100, 512, 513, 2048, 4100, 5000}) {
    for (int repeat = 0; repeat < 6; ++repeat) {
      Placement placement;
      if (random.one_in(2)) placement = {random.between(0, 9), random.between(0, 9)};
      placement.tight = random.one_in(2);
      expect_exact<TypeParam>(draw<TypeParam>(random, random.between(1, 5), k), placement);
    }
  }
}

TYPED_TEST(FakeQuantize, TakesEmptyProblems) {
  Random random(82);
  expect_exact<TypeParam>(draw<TypeParam>(random, 0, 64), {});
  expect_exact<TypeParam>(draw<TypeParam>(random, 3, 0), {});
}

// An independent witness: weights of one, each for an element of the activation, hand on what a
// layer takes for that element.
TYPED_TEST(FakeQuantize, IsWhatALayerComputesWith) {
  for (const SourceKind source :
       {SourceKind::Plain, SourceKind::ColumnFactor, SourceKind::RmsNorm, SourceKind::LayerNorm}) {
    LinearCase c{.m = 5, .n = 96, .k = 96, .seed = 3};
    c.options.source.kind = source;
    if (source == SourceKind::RmsNorm || source == SourceKind::LayerNorm) {
      c.options.source.eps = 1e-5;
    }
    auto operands = make_operands<TypeParam, S8>(c);
    operands.weight = HostMatrix<S8>(c.n, c.k);
    for (std::int64_t i = 0; i < c.n; ++i) operands.weight.at(i, i) = 1;
    for (auto& scale : operands.weight_scale.values()) scale = 1;
    const auto layer = device_result(c, operands);

    const Stream stream;
    const auto plan = Plan<TypeParam>::select(stream, quantize_descriptor<TypeParam>(c)).value();
    const Call<TypeParam> call(c, operands, {});
    ASSERT_TRUE(plan.run(stream, {}, call.args()).ok());
    stream.synchronize();
    EXPECT_TRUE(same_matrix("output", layer.output, call.output.download())) << to_string(source);
  }
}

constexpr LinearCase kCase{.m = 3, .n = 0, .k = 40, .seed = 4};

TEST(FakeQuantizeGraph, HoldsAKernelForEachStep) {
  struct {
    std::int64_t m;
    std::int64_t k;
    std::size_t kernels;
  } const cases[] = {{3, 40, 2}, {3, 0, 1}, {0, 40, 0}};
  for (const auto& [m, k, kernels] : cases) {
    const LinearCase c{.m = m, .n = 0, .k = k, .seed = 4};
    const Stream stream;
    const auto plan = Plan<float>::select(stream, quantize_descriptor<float>(c)).value();
    const auto operands = make_operands<float, S8>(c);
    const Call<float> call(c, operands, {});
    Status status;
    const CapturedGraph graph(stream, [&] { status = plan.run(stream, {}, call.args()); });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(graph.nodes(), kernels);
    EXPECT_TRUE(call.output.untouched("output"));
    graph.launch(stream);
    stream.synchronize();
    const auto quantized = reference_result(c, operands);
    EXPECT_TRUE(same_matrix("output", reference_output(c, quantized), call.output.download()));
  }
}

TEST(FakeQuantizeOfBadInput, IsRefused) {
  const Stream stream;
  auto descriptor = quantize_descriptor<float>(kCase);
  const auto plan = Plan<float>::select(stream, descriptor).value();
  const Call<float> call(kCase, make_operands<float, S8>(kCase), {});
  const auto expect_refused = [&](const char* words, const FakeQuantizeArgs<float>& args,
                                  Workspace workspace = {}) {
    const Status status = plan.run(stream, workspace, args);
    EXPECT_EQ(status.code(), StatusCode::InvalidProblem);
    EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
    if (workspace.bytes == 0) {
      EXPECT_EQ(plan.can_implement(args).message(), status.message());
    }
  };
  auto args = call.args();
  args.output.shape[1] = 39;
  expect_refused("output has shape [3, 39], expected [M, K] = [3, 40]", args);
  args = call.args();
  args.output = {};
  expect_refused("output has shape [0, 0], expected [M, K] = [3, 40]", args);
  args = call.args();
  args.output.data = const_cast<float*>(args.quantize.activation.data);
  expect_refused("overlaps activation", args);
  args = call.args();
  args.quantize.quantized.data = reinterpret_cast<S8*>(args.output.data);
  expect_refused("overlaps quantized", args);
  args = call.args();
  args.quantize.scale = {};
  expect_refused("scale has shape [0], expected [M] = [3]", args);
  expect_refused("the workspace has a null pointer", call.args(), {nullptr, 1});
  stream.synchronize();
  EXPECT_TRUE(call.device.untouched());
  EXPECT_TRUE(call.output.untouched("output"));

  descriptor.scale.kind = ScaleKind::Given;
  EXPECT_EQ(Plan<float>::select(stream, descriptor).status().code(), StatusCode::InvalidProblem);
}

}  // namespace
}  // namespace qlinear::test
