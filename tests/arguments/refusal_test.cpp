// What bad input gets: a Status that names the mistake, nothing launched, nothing written.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<float, S8>;
using Args = Plan::Args;
using QuantizePlan = DynamicRangeQuantizePlan<float, S8>;

constexpr LinearCase kCase{.m = 3, .n = 4, .k = 5, .bias = true, .seed = 2};

/// One mistake in the arguments of a call.
struct Mistake {
  const char* name;
  const char* mentions;  ///< What the message must name.
  std::function<void(Args&)> make;
};

void PrintTo(const Mistake& mistake, std::ostream* stream) { *stream << mistake.name; }

template <class T>
void shift_bytes(T*& pointer, std::ptrdiff_t bytes) {
  pointer = reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(pointer) +
                                 static_cast<std::uintptr_t>(bytes));
}

const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> list = {
      {"ActivationShape", "activation",
       [](Args& a) {
         a.activation.shape = {3, 6};
       }},
      {"ActivationRows", "activation",
       [](Args& a) {
         a.activation.shape = {2, 5};
       }},
      {"ActivationRowStride", "activation", [](Args& a) { a.activation.stride[0] = 4; }},
      {"ActivationInnerStride", "activation", [](Args& a) { a.activation.stride[1] = 2; }},
      {"ActivationNegativeStride", "activation", [](Args& a) { a.activation.stride[0] = -5; }},
      {"ActivationNull", "activation", [](Args& a) { a.activation.data = nullptr; }},
      {"ActivationAlignment", "activation", [](Args& a) { shift_bytes(a.activation.data, 2); }},
      {"WeightShape", "weight_q",
       [](Args& a) {
         a.weight_q.shape = {5, 4};
       }},
      {"WeightRowStride", "weight_q", [](Args& a) { a.weight_q.stride[0] = 4; }},
      {"WeightInnerStride", "weight_q",
       [](Args& a) {
         a.weight_q.stride = {1, 4};
       }},
      {"WeightNull", "weight_q", [](Args& a) { a.weight_q.data = nullptr; }},
      {"WeightScaleShape", "weight_scale", [](Args& a) { a.weight_scale.shape = {1}; }},
      {"WeightScaleStride", "weight_scale", [](Args& a) { a.weight_scale.stride = {0}; }},
      {"WeightScaleNull", "weight_scale", [](Args& a) { a.weight_scale.data = nullptr; }},
      {"WeightScaleAlignment", "weight_scale",
       [](Args& a) { shift_bytes(a.weight_scale.data, 1); }},
      {"OutputShape", "output",
       [](Args& a) {
         a.output.shape = {4, 3};
       }},
      {"OutputRowStride", "output", [](Args& a) { a.output.stride[0] = 3; }},
      {"OutputInnerStride", "output",
       [](Args& a) {
         a.output.stride = {1, 3};
       }},
      {"OutputNull", "output", [](Args& a) { a.output.data = nullptr; }},
      {"OutputAlignment", "output", [](Args& a) { shift_bytes(a.output.data, 3); }},
      {"ScratchTooFewRows", "act_q_scratch",
       [](Args& a) {
         a.act_q_scratch.shape = {2, 5};
       }},
      {"ScratchRowStride", "act_q_scratch", [](Args& a) { a.act_q_scratch.stride[0] = 4; }},
      {"ScratchNull", "act_q_scratch", [](Args& a) { a.act_q_scratch.data = nullptr; }},
      {"ScaleScratchTooSmall", "act_scale_scratch",
       [](Args& a) { a.act_scale_scratch.shape = {2}; }},
      {"ScaleScratchNull", "act_scale_scratch",
       [](Args& a) { a.act_scale_scratch.data = nullptr; }},
      {"ScaleScratchAlignment", "act_scale_scratch",
       [](Args& a) { shift_bytes(a.act_scale_scratch.data, 2); }},
      {"BiasShape", "bias", [](Args& a) { a.bias.shape = {3}; }},
      {"BiasNull", "bias", [](Args& a) { a.bias.data = nullptr; }},
      {"BiasStride", "bias", [](Args& a) { a.bias.stride = {2}; }},
      {"OutputIsActivation", "output",
       [](Args& a) { a.output.data = const_cast<float*>(a.activation.data); }},
      {"OutputIsBias", "output", [](Args& a) { a.output.data = const_cast<float*>(a.bias.data); }},
      {"OutputIsScaleScratch", "output", [](Args& a) { a.output.data = a.act_scale_scratch.data; }},
      {"ScratchIsWeight", "act_q_scratch",
       [](Args& a) { a.act_q_scratch.data = const_cast<S8*>(a.weight_q.data); }},
      {"ScaleScratchIsWeightScale", "act_scale_scratch",
       [](Args& a) { a.act_scale_scratch.data = const_cast<float*>(a.weight_scale.data); }},
  };
  return list;
}

class BadArguments : public ::testing::TestWithParam<Mistake> {
 protected:
  Stream stream_;
  Plan plan_ = Plan::select(stream_, linear_descriptor<float, S8>(kCase)).value();
  DeviceLinear<float, S8> device_{kCase, make_operands<float, S8>(kCase)};
};

TEST_P(BadArguments, AreRefusedAndNothingIsWritten) {
  Args args = device_.args();
  ASSERT_TRUE(plan_.can_implement(args).ok());
  GetParam().make(args);
  const Status expected = plan_.can_implement(args);
  EXPECT_EQ(expected.code(), StatusCode::InvalidProblem);
  EXPECT_NE(expected.message().find(GetParam().mentions), std::string::npos) << expected.message();

  Status ran;
  const CapturedGraph graph(stream_, [&] { ran = plan_.run(stream_, {}, args); });
  EXPECT_EQ(ran.code(), expected.code());
  EXPECT_EQ(ran.message(), expected.message());
  EXPECT_EQ(graph.nodes(), 0U);
  EXPECT_TRUE(device_.untouched());
}

INSTANTIATE_TEST_SUITE_P(, BadArguments, ::testing::ValuesIn(mistakes()),
                         [](const auto& mistake) { return std::string(mistake.param.name); });

/// Where a tensor of the second half is wrong, the first half does not care, and the other way.
TEST(PlanHalves, LookAtTheirOwnTensorsOnly) {
  const Stream stream;
  const Plan plan = Plan::select(stream, linear_descriptor<float, S8>(kCase)).value();
  const DeviceLinear<float, S8> device(kCase, make_operands<float, S8>(kCase));
  Args args = device.args();
  args.weight_q.data = nullptr;
  EXPECT_EQ(plan.multiply(stream, {}, args).code(), StatusCode::InvalidProblem);
  EXPECT_TRUE(device.untouched());
  EXPECT_TRUE(plan.quantize_activation(stream, args).ok());
  args = device.args();
  args.activation.data = nullptr;
  EXPECT_EQ(plan.quantize_activation(stream, args).code(), StatusCode::InvalidProblem);
  EXPECT_TRUE(plan.multiply(stream, {}, args).ok());
  stream.synchronize();
  EXPECT_TRUE(device.holds(reference_result(kCase, make_operands<float, S8>(kCase))));
}

TEST(QuantizePlan, RefusesBadArgumentsAndWritesNothing) {
  const Stream stream;
  const auto plan = QuantizePlan::select(stream, quantize_descriptor<float>(kCase)).value();
  const DeviceLinear<float, S8> device(kCase, make_operands<float, S8>(kCase));
  const QuantizePlan::Args good{device.activation.ref(), device.act_q.mut(),
                                device.act_scale.vector_mut()};
  QuantizePlan::Args args = good;
  args.scale.data = nullptr;
  EXPECT_EQ(plan.can_implement(args).code(), StatusCode::InvalidProblem);
  EXPECT_EQ(plan.run(stream, {}, args).message(), plan.can_implement(args).message());
  args = good;
  args.quantized.stride[0] = 4;
  EXPECT_EQ(plan.run(stream, {}, args).code(), StatusCode::InvalidProblem);
  stream.synchronize();
  EXPECT_TRUE(device.untouched());
}

struct BadDescriptor {
  const char* name;
  StatusCode code;
  const char* mentions;
  std::function<void(QuantizedLinearDescriptor&)> make;
};

void PrintTo(const BadDescriptor& bad, std::ostream* stream) { *stream << bad.name; }

class BadDescriptors : public ::testing::TestWithParam<BadDescriptor> {};

TEST_P(BadDescriptors, AreRefusedBySelect) {
  const Stream stream;
  auto descriptor = linear_descriptor<float, S8>(kCase);
  ASSERT_TRUE(Plan::select(stream, descriptor).ok());
  GetParam().make(descriptor);
  const Status status = Plan::select(stream, descriptor).status();
  EXPECT_EQ(status.code(), GetParam().code);
  EXPECT_NE(status.message().find(GetParam().mentions), std::string::npos) << status.message();
}

using Descriptor = QuantizedLinearDescriptor;
INSTANTIATE_TEST_SUITE_P(
    , BadDescriptors,
    ::testing::Values(BadDescriptor{"NegativeM", StatusCode::InvalidProblem, "m is -1",
                                    [](Descriptor& d) { d.m = -1; }},
                      BadDescriptor{"NegativeOutputs", StatusCode::InvalidProblem, "c_out is -1",
                                    [](Descriptor& d) { d.c_out = -1; }},
                      BadDescriptor{"NegativeK", StatusCode::InvalidProblem, "k is -1",
                                    [](Descriptor& d) { d.k = -1; }},
                      BadDescriptor{"QMaxZero", StatusCode::InvalidProblem, "q_max",
                                    [](Descriptor& d) { d.q_max = 0; }},
                      BadDescriptor{"QMaxTooLarge", StatusCode::InvalidProblem, "q_max",
                                    [](Descriptor& d) { d.q_max = 128; }},
                      BadDescriptor{"QMinPositive", StatusCode::InvalidProblem, "q_min",
                                    [](Descriptor& d) { d.q_min = 1; }},
                      BadDescriptor{"QMinTooLow", StatusCode::InvalidProblem, "q_min",
                                    [](Descriptor& d) { d.q_min = -129; }},
                      BadDescriptor{"ActivationElement", StatusCode::InvalidProblem,
                                    "activation_element",
                                    [](Descriptor& d) { d.activation_element = ElementKind::F16; }},
                      BadDescriptor{"WeightElement", StatusCode::InvalidProblem, "weight_element",
                                    [](Descriptor& d) { d.weight_element = ElementKind::U8; }},
                      BadDescriptor{"KBeyondInt32Sums", StatusCode::Unsupported, "132104",
                                    [](Descriptor& d) { d.k = 132105; }},
                      BadDescriptor{"KBeyondInt32SumsOfTheFullRange", StatusCode::Unsupported,
                                    "131071",
                                    [](Descriptor& d) {
                                      d.q_min = -128;
                                      d.k = 131072;
                                    }}),
    [](const auto& bad) { return std::string(bad.param.name); });

}  // namespace
}  // namespace qlinear::test
