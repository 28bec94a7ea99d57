#include <validation/validation.hpp>

#include "support/linear_call.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

// What only the library itself sees of its validation: the halves of a linear layer, and sizes
// whose tensors no test can hold.

namespace qlinear::test {
namespace {

using detail::Pass;
using detail::validate_problem;
using detail::validate_tensors;

StatusCode code_of(const LinearCall& call, Pass pass) {
  const auto problem = detail::with_elements(call.descriptor, ElementKind::F32, ElementKind::S8);
  return validate_tensors(problem, detail::call_tensors(call.args), pass).code();
}

TEST(ValidationPasses, CorrectCallPassesEach) {
  const LinearCall call;
  for (const Pass pass : {Pass::Quantize, Pass::Multiply, Pass::Both}) {
    EXPECT_EQ(code_of(call, pass), StatusCode::Ok);
  }
}

TEST(ValidationPasses, QuantizeLooksAtActivationAndScratchOnly) {
  LinearCall call;
  call.args.weight_q = {};
  call.args.weight_scale = {};
  call.args.output = {};
  call.args.bias.data = nullptr;
  EXPECT_EQ(code_of(call, Pass::Quantize), StatusCode::Ok);
  EXPECT_EQ(code_of(call, Pass::Multiply), StatusCode::InvalidProblem);
  call.args.act_scale_scratch.data = call.buffers.activation.data();
  EXPECT_EQ(code_of(call, Pass::Quantize), StatusCode::InvalidProblem);
}

TEST(ValidationPasses, MultiplyDoesNotLookAtTheActivation) {
  LinearCall call;
  call.args.activation = {};
  EXPECT_EQ(code_of(call, Pass::Multiply), StatusCode::Ok);
  EXPECT_EQ(code_of(call, Pass::Quantize), StatusCode::InvalidProblem);
  EXPECT_EQ(code_of(call, Pass::Both), StatusCode::InvalidProblem);
}

TEST(ValidationPasses, OutputMayReplaceTheActivationBetweenThem) {
  LinearCall call;
  call.args.output.data = call.buffers.activation.data();
  EXPECT_EQ(code_of(call, Pass::Quantize), StatusCode::Ok);
  EXPECT_EQ(code_of(call, Pass::Multiply), StatusCode::Ok);
  EXPECT_EQ(code_of(call, Pass::Both), StatusCode::InvalidProblem);
}

TEST(ValidationPasses, MultiplyOnlyReadsTheScratch) {
  LinearCall call;
  call.args.act_scale_scratch.data = call.buffers.weight_scale.data();
  EXPECT_EQ(code_of(call, Pass::Multiply), StatusCode::Ok);
  EXPECT_EQ(code_of(call, Pass::Both), StatusCode::InvalidProblem);
  call.args.act_scale_scratch.data = call.buffers.output.data();
  EXPECT_EQ(code_of(call, Pass::Multiply), StatusCode::InvalidProblem);
}

TEST(ValidateProblem, SizesReachThirtyOneBits) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  EXPECT_TRUE(validate_problem(QuantizedLinearDescriptor{kLargest, kLargest, 132104},
                               ElementKind::F32, ElementKind::S8)
                  .ok());
  EXPECT_TRUE(validate_problem(DynamicRangeQuantizeDescriptor{kLargest, kLargest}, ElementKind::F32,
                               ElementKind::S8)
                  .ok());
}

}  // namespace
}  // namespace qlinear::test
