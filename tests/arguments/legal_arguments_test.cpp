#include "support/linear_call.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

// Arguments at the border of what is legal, on both sides of it.

namespace qlinear::test {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(MaxK, IsTheLongestSumThatFitsInt32) {
  EXPECT_EQ(max_k(-127, 127, ElementKind::S8), 132104);
  EXPECT_EQ(max_k(-127, 127, ElementKind::U8), 66311);
  EXPECT_EQ(max_k(-128, 127, ElementKind::S8), 131071);
  EXPECT_EQ(max_k(-128, 1, ElementKind::U8), 65793);
  EXPECT_EQ(max_k(-5, 3, ElementKind::S8), 3355443);
  EXPECT_EQ(max_k(0, 1, ElementKind::U8), 8421504);
}

TEST(MaxK, IsZeroForWhatIsNotValid) {
  constexpr auto kLowest = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(max_k(0, 0, ElementKind::S8), 0);
  EXPECT_EQ(max_k(kLowest, 127, ElementKind::S8), 0);
  EXPECT_EQ(max_k(-127, 128, ElementKind::S8), 0);
  EXPECT_EQ(max_k(1, 127, ElementKind::S8), 0);
  EXPECT_EQ(max_k(-127, 127, ElementKind::F32), 0);
}

TEST(LegalArguments, LongestReduction) {
  const std::int64_t k = max_k(-127, 127, ElementKind::S8);
  LinearCall call;
  std::vector<float> activation(static_cast<std::size_t>(k), 1);
  std::vector<S8> weight(activation.size(), 1);
  std::vector<S8> quantized(activation.size());
  call.descriptor = {1, 1, k};
  call.args = {
      {activation.data(), {1, k}, {k, 1}},          {weight.data(), {1, k}, {k, 1}},
      {call.buffers.weight_scale.data(), {1}, {1}}, {call.buffers.output.data(), {1, 1}, {1, 1}},
      {quantized.data(), {1, k}, {k, 1}},           {call.buffers.act_scale.data(), {1}, {1}}};
  EXPECT_TRUE(call.run().ok()) << call.run().message();
}

TEST(LegalArguments, ElementKindsThatAreSetAndAgree) {
  LinearCall linear;
  linear.descriptor.activation_element = ElementKind::F32;
  linear.descriptor.weight_element = ElementKind::S8;
  EXPECT_TRUE(linear.run().ok()) << linear.run().message();
  QuantizeCall quantize;
  quantize.descriptor.activation_element = ElementKind::F32;
  quantize.descriptor.quantized_element = ElementKind::S8;
  EXPECT_TRUE(quantize.run().ok()) << quantize.run().message();
}

TEST(LegalArguments, ElementKindsThatAreLeftToTheTemplate) {
  const QuantizedLinearDescriptor linear;
  EXPECT_EQ(linear.activation_element, kElementOfTemplate);
  EXPECT_EQ(linear.weight_element, kElementOfTemplate);
  const auto run_linear = [&](auto activation, auto weight) {
    return reference::quantized_linear<decltype(activation), decltype(weight)>(linear, {});
  };
  EXPECT_TRUE(run_linear(__half{}, S8{}).ok());
  EXPECT_TRUE(run_linear(__nv_bfloat16{}, U8{}).ok());
  EXPECT_TRUE(run_linear(float{}, U8{}).ok());
  EXPECT_TRUE(run_linear(double{}, S8{}).ok());
  const DynamicRangeQuantizeDescriptor quantize;
  EXPECT_EQ(quantize.activation_element, kElementOfTemplate);
  EXPECT_EQ(quantize.quantized_element, kElementOfTemplate);
  EXPECT_TRUE((reference::dynamic_range_quantize<__half, S8>(quantize, {}).ok()));
  EXPECT_TRUE((reference::dynamic_range_quantize<double, S8>(quantize, {}).ok()));
}

// The longest K is that of the weights of the template, of which the descriptor says nothing.
TEST(LegalArguments, LongestReductionOfTheTemplatesWeights) {
  const std::int64_t largest = max_k(-127, 127, ElementKind::U8);
  QuantizedLinearDescriptor descriptor;
  descriptor.k = largest;
  QuantizedLinearArgs<float, U8> args{};
  args.activation.shape = args.act_q_scratch.shape = args.weight_q.shape = {0, largest};
  EXPECT_TRUE((reference::quantized_linear<float, U8>(descriptor, args).ok()));
  descriptor.k = largest + 1;
  const Status status = reference::quantized_linear<float, U8>(descriptor, args);
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_NE(status.message().find("K = 66311 for the range [-127, 127] and u8 weights"),
            std::string::npos)
      << status.message();
}

TEST(LegalArguments, NullPointersWhereKIsZero) {
  LinearCall call;
  call.descriptor.k = 0;
  call.args.activation = {nullptr, {3, 0}, {5, 1}};
  call.args.weight_q = {nullptr, {4, 0}, {0, 1}};
  call.args.act_q_scratch = {nullptr, {3, 0}, {7, 1}};
  EXPECT_TRUE(call.run().ok()) << call.run().message();
}

TEST(LegalArguments, NullPointersWhereMIsZero) {
  LinearCall call;
  call.descriptor.m = 0;
  call.args.activation = {nullptr, {0, 5}, {5, 1}};
  call.args.act_q_scratch = {nullptr, {0, 5}, {5, 1}};
  call.args.act_scale_scratch = {nullptr, {0}, {1}};
  call.args.output = {nullptr, {0, 4}, {4, 1}};
  EXPECT_TRUE(call.run().ok()) << call.run().message();
}

TEST(LegalArguments, NullPointersWhereCOutIsZero) {
  LinearCall call;
  call.descriptor.c_out = 0;
  call.args.weight_q = {nullptr, {0, 5}, {5, 1}};
  call.args.weight_scale = {nullptr, {0}, {1}};
  call.args.output = {nullptr, {3, 0}, {9, 1}};
  call.args.bias = {};
  EXPECT_TRUE(call.run().ok()) << call.run().message();
}

TEST(LegalArguments, ValueInitialisedBiasMeansNone) {
  LinearCall with_zeros;
  with_zeros.buffers.bias.assign(4, 0);
  LinearCall without;
  without.args.bias = {};
  ASSERT_TRUE(with_zeros.run().ok());
  ASSERT_TRUE(without.run().ok());
  EXPECT_EQ(without.buffers.output, with_zeros.buffers.output);
}

TEST(LegalArguments, RowStrideOfASingleRowIsNotLookedAt) {
  for (const std::int64_t stride : {std::int64_t{0}, std::int64_t{-5}, kHuge}) {
    LinearCall call;
    call.descriptor.m = 1;
    call.args.activation = {call.buffers.activation.data(), {1, 5}, {stride, 1}};
    call.args.act_q_scratch = {call.buffers.quantized.data(), {1, 5}, {stride, 1}};
    call.args.act_scale_scratch.shape = {1};
    call.args.output = {call.buffers.output.data(), {1, 4}, {stride, 1}};
    EXPECT_TRUE(call.run().ok()) << call.run().message();
  }
}

TEST(LegalArguments, InnerStrideOfASingleColumnIsNotLookedAt) {
  for (const std::int64_t stride : {std::int64_t{0}, std::int64_t{3}, std::int64_t{-5}, kHuge}) {
    LinearCall plain;
    plain.descriptor = {3, 1, 1};
    plain.args.activation = {plain.buffers.activation.data(), {3, 1}, {1, 1}};
    plain.args.act_q_scratch = {plain.buffers.quantized.data(), {3, 1}, {1, 1}};
    plain.args.weight_q = {plain.buffers.weight.data(), {1, 1}, {1, 1}};
    plain.args.weight_scale.shape = {1};
    plain.args.bias.shape = {1};
    plain.args.output = {plain.buffers.output.data(), {3, 1}, {2, 1}};
    LinearCall call;
    call.descriptor = plain.descriptor;
    call.args.activation = {call.buffers.activation.data(), {3, 1}, {1, stride}};
    call.args.act_q_scratch = {call.buffers.quantized.data(), {3, 1}, {1, stride}};
    call.args.weight_q = {call.buffers.weight.data(), {1, 1}, {stride, stride}};
    call.args.weight_scale = {call.buffers.weight_scale.data(), {1}, {stride}};
    call.args.bias = {call.buffers.bias.data(), {1}, {stride}};
    call.args.output = {call.buffers.output.data(), {3, 1}, {2, stride}};
    ASSERT_TRUE(plain.run().ok());
    EXPECT_TRUE(call.run().ok()) << call.run().message();
    EXPECT_EQ(call.buffers, plain.buffers);
  }
}

TEST(LegalArguments, StridesOfTensorsWithoutElementsAreNotLookedAt) {
  LinearCall no_depth;
  no_depth.descriptor.k = 0;
  no_depth.args.activation = {nullptr, {3, 0}, {0, 0}};
  no_depth.args.weight_q = {nullptr, {4, 0}, {-1, kHuge}};
  no_depth.args.act_q_scratch = {nullptr, {3, 0}, {kHuge, 0}};
  EXPECT_TRUE(no_depth.run().ok()) << no_depth.run().message();
  LinearCall no_rows;
  no_rows.descriptor.m = 0;
  no_rows.args.activation = {nullptr, {0, 5}, {}};
  no_rows.args.act_q_scratch = {nullptr, {0, 5}, {}};
  no_rows.args.act_scale_scratch = {};
  no_rows.args.output = {nullptr, {0, 4}, {}};
  EXPECT_TRUE(no_rows.run().ok()) << no_rows.run().message();
  QuantizeCall nothing;
  nothing.descriptor = {};
  nothing.args = {};
  EXPECT_TRUE(nothing.run().ok()) << nothing.run().message();
}

TEST(LegalArguments, TensorsThatAreOnlyReadMayOverlap) {
  LinearCall call;
  call.args.bias.data = call.args.weight_scale.data;
  EXPECT_TRUE(call.run().ok());
  call.args.bias.data = call.args.activation.data + 2;
  EXPECT_TRUE(call.run().ok());
}

TEST(LegalArguments, NeighboursInOneBuffer) {
  LinearCall call;
  std::vector<float> shared(15 + 12 + 3 + 4);
  call.args.activation.data = shared.data();
  call.args.output.data = shared.data() + 15;
  call.args.act_scale_scratch.data = shared.data() + 27;
  call.args.bias.data = shared.data() + 30;
  EXPECT_TRUE(call.run().ok()) << call.run().message();
}

TEST(LegalArguments, InterleavedColumnSlicesOfOneBuffer) {
  LinearCall call;
  std::vector<float> shared(3 * 10);
  call.args.activation = {shared.data(), {3, 5}, {10, 1}};
  call.args.output = {shared.data() + 5, {3, 4}, {10, 1}};
  EXPECT_TRUE(call.run().ok()) << call.run().message();
  call.args.output.data = shared.data() + 4;
  EXPECT_EQ(call.run().code(), StatusCode::InvalidProblem);
  // The last columns of the output reach into the first of the activation's next row.
  call.args.output.data = shared.data() + 7;
  EXPECT_EQ(call.run().code(), StatusCode::InvalidProblem);
}

TEST(LegalArguments, VectorInTheGapBetweenTwoRows) {
  LinearCall call;
  std::vector<float> shared(3 * 10);
  call.args.activation = {shared.data(), {3, 5}, {10, 1}};
  for (const std::ptrdiff_t gap : {5, 7, 15, 17}) {
    call.args.act_scale_scratch.data = shared.data() + gap;
    EXPECT_TRUE(call.run().ok()) << call.run().message();
  }
  for (const std::ptrdiff_t row : {4, 8, 12, 18, 24}) {
    call.args.act_scale_scratch.data = shared.data() + row;
    EXPECT_EQ(call.run().code(), StatusCode::InvalidProblem) << row;
  }
}

TEST(LegalArguments, SingleRowInTheGapBetweenTwoRows) {
  LinearCall call;
  std::vector<S8> shared(4 * 11);
  call.descriptor.m = 1;
  call.args.activation.shape = {1, 5};
  call.args.act_scale_scratch.shape = {1};
  call.args.output.shape = {1, 4};
  call.args.weight_q = {shared.data(), {4, 5}, {11, 1}};
  call.args.act_q_scratch = {shared.data() + 16, {1, 5}, {99, 1}};
  EXPECT_TRUE(call.run().ok()) << call.run().message();
  call.args.act_q_scratch.data = shared.data() + 18;
  EXPECT_EQ(call.run().code(), StatusCode::InvalidProblem);
}

TEST(LegalArguments, SlicesWhoseStridesDifferAreTakenAsIntervals) {
  LinearCall call;
  std::vector<float> shared(100);
  call.args.activation = {shared.data(), {3, 5}, {20, 1}};
  call.args.output = {shared.data() + 6, {3, 4}, {10, 1}};
  EXPECT_EQ(call.run().code(), StatusCode::InvalidProblem);
  call.args.output.data = shared.data() + 45;
  EXPECT_TRUE(call.run().ok()) << call.run().message();
}

template <class T>
class PointerAlignment : public testing::Test {};
using ActivationTypes = testing::Types<__half, __nv_bfloat16, float, double>;
TYPED_TEST_SUITE(PointerAlignment, ActivationTypes);

TYPED_TEST(PointerAlignment, IsThatOfTheElement) {
  alignas(16) std::array<unsigned char, 64> activation{};
  std::array<S8, 4> quantized{};
  scale_t<TypeParam> scale{};
  const auto run_at = [&](std::size_t offset) {
    const auto address = reinterpret_cast<std::uintptr_t>(activation.data()) + offset;
    return reference::dynamic_range_quantize<TypeParam, S8>(
        {1, 2, -127, 127, element_kind_v<TypeParam>},
        {{reinterpret_cast<const TypeParam*>(address), {1, 2}, {2, 1}},
         {quantized.data() + 1, {1, 2}, {2, 1}},
         {&scale, {1}, {1}}});
  };
  EXPECT_TRUE(run_at(sizeof(TypeParam)).ok());
  for (std::size_t offset = 1; offset < sizeof(TypeParam); ++offset) {
    EXPECT_EQ(run_at(offset).code(), StatusCode::InvalidProblem) << offset;
  }
}

/// A matrix of floats in a common buffer, as an offset in elements.
struct Slice {
  std::int64_t offset, rows, columns, stride;

  std::set<std::int64_t> elements() const {
    std::set<std::int64_t> result;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) result.insert(offset + r * stride + c);
    }
    return result;
  }
  std::int64_t end() const { return offset + (rows - 1) * stride + columns; }
};

bool share_an_element(const Slice& a, const Slice& b) {
  const auto elements = a.elements();
  const auto others = b.elements();
  return std::any_of(others.begin(), others.end(),
                     [&](std::int64_t element) { return elements.count(element) != 0; });
}

bool intervals_meet(const Slice& a, const Slice& b) {
  return a.offset < b.end() && b.offset < a.end();
}

/// Whether a call is accepted whose activation and output lie in one buffer.
bool accepted(const Slice& activation, const Slice& output) {
  LinearCall call;
  std::vector<float> shared(400);
  std::vector<S8> bytes(400);
  const auto [m, k, c_out] = std::array{activation.rows, activation.columns, output.columns};
  call.descriptor = {m, c_out, k};
  call.args.activation = {shared.data() + activation.offset, {m, k}, {activation.stride, 1}};
  call.args.output = {shared.data() + output.offset, {m, c_out}, {output.stride, 1}};
  call.args.weight_q = {bytes.data(), {c_out, k}, {k, 1}};
  call.args.weight_scale.shape = {c_out};
  call.args.act_q_scratch = {bytes.data() + 200, {m, k}, {k, 1}};
  call.args.act_scale_scratch.shape = {m};
  call.args.bias = {};
  return call.run().ok();
}

TEST(LegalArguments, OverlapAgreesWithTheElementsThemselves) {
  std::mt19937 engine(3);
  const auto uniform = [&engine](int lowest, int highest) {
    return std::int64_t{std::uniform_int_distribution<int>(lowest, highest)(engine)};
  };
  int legal_interleavings = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::int64_t rows = uniform(1, 3);
    const std::int64_t stride = uniform(4, 12);
    const bool same_stride = uniform(0, 2) != 0;
    const Slice activation{uniform(0, 40), rows, uniform(1, 4), stride};
    const Slice output{uniform(0, 40), rows, uniform(1, 4), same_stride ? stride : uniform(4, 12)};
    const bool exact = output.stride == activation.stride || rows == 1;
    const bool overlaps =
        exact ? share_an_element(activation, output) : intervals_meet(activation, output);
    EXPECT_EQ(accepted(activation, output), !overlaps) << i;
    if (exact && !overlaps && intervals_meet(activation, output)) ++legal_interleavings;
  }
  EXPECT_GT(legal_interleavings, 100);
}

}  // namespace
}  // namespace qlinear::test
