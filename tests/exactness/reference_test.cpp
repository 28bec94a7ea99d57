#include <qlinear/reference.hpp>

#include "oracle/exact_linear.hpp"
#include "oracle/host_linear.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// The CPU reference against the contract in exact arithmetic (oracle/exact_linear.hpp), and
// against values worked out by hand.

namespace qlinear::oracle {
namespace {

template <class TIn, class TWQ>
struct TypePair {
  using Activation = TIn;
  using Weight = TWQ;
};

using TypePairs =
    testing::Types<TypePair<__half, S8>, TypePair<__half, U8>, TypePair<__nv_bfloat16, S8>,
                   TypePair<__nv_bfloat16, U8>, TypePair<float, S8>, TypePair<float, U8>,
                   TypePair<double, S8>, TypePair<double, U8>>;

/// One row of activation and one output channel without bias.
LinearCase single_row(std::vector<double> activation, std::vector<int> weight,
                      double weight_scale = 1) {
  LinearCase problem;
  problem.m = 1;
  problem.c_out = 1;
  problem.k = static_cast<std::int64_t>(activation.size());
  problem.activation = std::move(activation);
  problem.weight = std::move(weight);
  problem.weight_scale = {weight_scale};
  return problem;
}

/// A row whose act_scale is 1 and whose sum is 1, so that output channel n holds weight_scale[n].
LinearCase unit_row(std::vector<double> weight_scale) {
  LinearCase problem = single_row({127, 1}, {});
  problem.c_out = static_cast<std::int64_t>(weight_scale.size());
  for (std::size_t n = 0; n < weight_scale.size(); ++n) {
    problem.weight.insert(problem.weight.end(), {0, 1});
  }
  problem.weight_scale = std::move(weight_scale);
  return problem;
}

template <class Pair>
class ReferenceTest : public testing::Test {
 protected:
  using TIn = typename Pair::Activation;
  using TWQ = typename Pair::Weight;
  static constexpr Precision kFormats = kPrecision<TIn>;
  static constexpr int kLowestWeight = std::numeric_limits<TWQ>::min();
  static constexpr int kHighestWeight = std::numeric_limits<TWQ>::max();

  static LinearResult run(const LinearCase& problem) { return reference_linear<TIn, TWQ>(problem); }

  static void check(const LinearCase& problem, std::int64_t padding = 0) {
    expect_same(reference_linear<TIn, TWQ>(problem, padding), exact_linear(problem, kFormats));
  }

  double gaussian(const Format& format) {
    return rounded(exact(std::normal_distribution<double>()(engine_)), format);
  }

  int uniform(int lowest, int highest) {
    return std::uniform_int_distribution<int>(lowest, highest)(engine_);
  }

  LinearCase random_case(std::int64_t m, std::int64_t c_out, std::int64_t k) {
    LinearCase problem;
    std::tie(problem.m, problem.c_out, problem.k) = std::tie(m, c_out, k);
    for (std::int64_t i = 0; i < m * k; ++i) {
      problem.activation.push_back(gaussian(kFormats.element));
    }
    for (std::int64_t i = 0; i < c_out * k; ++i) {
      problem.weight.push_back(uniform(kLowestWeight, kHighestWeight));
    }
    for (std::int64_t i = 0; i < c_out; ++i) {
      problem.weight_scale.push_back(gaussian(kFormats.compute));
      problem.bias.push_back(gaussian(kFormats.element));
    }
    return problem;
  }

 private:
  std::mt19937 engine_{20240607};
};

TYPED_TEST_SUITE(ReferenceTest, TypePairs);

TYPED_TEST(ReferenceTest, RandomProblems) {
  const std::array<std::array<std::int64_t, 3>, 5> shapes{
      {{1, 1, 1}, {3, 5, 7}, {2, 33, 64}, {17, 2, 130}, {1, 3, 511}}};
  for (const auto& [m, c_out, k] : shapes) {
    LinearCase problem = this->random_case(m, c_out, k);
    this->check(problem);
    problem.bias.clear();
    this->check(problem, 3);
  }
}

TYPED_TEST(ReferenceTest, QuantizationRanges) {
  const std::array<std::array<std::int32_t, 2>, 6> ranges{
      {{-127, 127}, {-128, 127}, {0, 127}, {-5, 3}, {0, 1}, {-128, 1}}};
  for (const auto& [q_min, q_max] : ranges) {
    LinearCase problem = this->random_case(4, 3, 50);
    problem.q_min = q_min;
    problem.q_max = q_max;
    this->check(problem);
  }
}

TYPED_TEST(ReferenceTest, TiesGoToEven) {
  LinearCase problem =
      single_row({127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 63.5, 126.5}, std::vector<int>(9, 1));
  this->check(problem);
  EXPECT_EQ(this->run(problem).quantized, (std::vector<int>{127, 0, 2, 2, 0, -2, -2, 64, 126}));
  problem.q_min = -1;
  EXPECT_EQ(this->run(problem).quantized, (std::vector<int>{127, 0, 2, 2, 0, -1, -1, 64, 126}));
}

TYPED_TEST(ReferenceTest, RowsOfZerosHaveScaleOne) {
  LinearCase problem = this->random_case(3, 4, 5);
  std::fill_n(problem.activation.begin() + 5, 5, 0.0);
  problem.activation[7] = -0.0;
  this->check(problem);
  const LinearResult result = this->run(problem);
  EXPECT_EQ(result.act_scale[1], 1.0);
  expect_same("row 1", {result.output.begin() + 4, result.output.begin() + 8}, problem.bias);
  problem.bias.clear();
  this->check(problem);
}

TYPED_TEST(ReferenceTest, NonFiniteRowsAreNanAndAlone) {
  LinearCase problem = this->random_case(6, 4, 9);
  const LinearResult finite = this->run(problem);
  problem.activation[0 * 9 + 8] = kNan;
  problem.activation[2 * 9 + 0] = kInfinity;
  problem.activation[4 * 9 + 3] = -kInfinity;
  problem.activation[4 * 9 + 4] = kNan;
  this->check(problem);
  const LinearResult result = this->run(problem);
  for (std::size_t m = 0; m < 6; ++m) {
    EXPECT_EQ(std::isnan(result.act_scale[m]), m % 2 == 0 && m < 5) << m;
    for (std::size_t n = m * 4; n < m * 4 + 4; ++n) {
      const double expected = std::isnan(result.act_scale[m]) ? kNan : finite.output[n];
      EXPECT_TRUE(same(result.output[n], expected)) << m;
    }
  }
}

TYPED_TEST(ReferenceTest, SubnormalRows) {
  const Format& element = this->kFormats.element;
  const double least = std::ldexp(1.0, element.lowest_exponent);
  for (const int largest : {1, 2, 3, 100, 255}) {
    LinearCase problem = this->random_case(3, 3, 20);
    for (double& x : problem.activation) x = least * this->uniform(-largest, largest);
    problem.activation[0] = least;
    // Only f16 has a compute type with room below its own subnormals.
    EXPECT_EQ(is_tiny(least, problem.q_max, this->kFormats), element.precision != kF16.precision);
    this->check(problem);
  }
}

/// The types whose `q_max / amax` can overflow: f16 has no value that small.
template <class Pair>
class TinyRowTest : public ReferenceTest<Pair> {};
using TinyRowTypes =
    testing::Types<TypePair<__nv_bfloat16, S8>, TypePair<float, S8>, TypePair<double, S8>>;
TYPED_TEST_SUITE(TinyRowTest, TinyRowTypes);

TYPED_TEST(TinyRowTest, RowsAroundTheOverflowOfTheInverse) {
  const Format& element = this->kFormats.element;
  // 127 / border is 2^highest_exponent, which just overflows.
  const double border = std::ldexp(127.0, -element.highest_exponent);
  const double step = std::ldexp(128.0, -element.highest_exponent - element.precision);
  EXPECT_TRUE(is_tiny(border, 127, this->kFormats));
  EXPECT_FALSE(is_tiny(border + 2 * step, 127, this->kFormats));
  for (int steps = -4; steps <= 4; ++steps) {
    LinearCase problem = this->random_case(1, 3, 30);
    for (double& x : problem.activation) x = rounded(exact(border) * exact(x / 8), element);
    problem.activation[11] = rounded(exact(border + steps * step), element);
    this->check(problem);
  }
}

TYPED_TEST(ReferenceTest, StoreRoundsToNearestEven) {
  const Format& element = this->kFormats.element;
  std::vector<double> values;
  for (int i = 0; i < 300; ++i) {
    const int exponent =
        this->uniform(element.lowest_exponent - 2, element.highest_exponent - element.precision);
    const double tie = std::ldexp(1.0, element.precision - 1);
    const Exact value = exact(tie + this->uniform(0, 100) + 0.25 * this->uniform(0, 4));
    values.push_back(
        rounded({i % 2 == 0, value.magnitude, value.exponent + exponent}, this->kFormats.compute));
  }
  this->check(unit_row(values));
}

TYPED_TEST(ReferenceTest, OutputOverflowsToInfinity) {
  const Format& compute = this->kFormats.compute;
  const double largest =
      std::ldexp(2 - std::ldexp(2.0, -compute.precision), compute.highest_exponent - 1);
  this->check(unit_row({65504, 65519.99609375, 65520, -65520, 1e5, largest, -largest}));
  // The product itself overflows, and the bias cannot bring it back.
  LinearCase problem = single_row({127}, {2}, largest);
  problem.bias = {-127};
  this->check(problem);
  EXPECT_EQ(this->run(problem).output.front(), kInfinity);
}

TYPED_TEST(ReferenceTest, EmptyReductionGivesZerosOrTheBias) {
  LinearCase problem = this->random_case(3, 2, 0);
  this->check(problem, 2);
  const auto& bias = problem.bias;
  expect_same("output", this->run(problem).output,
              {bias[0], bias[1], bias[0], bias[1], bias[0], bias[1]});
  expect_same("act_scale", this->run(problem).act_scale, {1, 1, 1});
  problem.bias.clear();
  problem.weight_scale = {2, 0.5};
  expect_same("output", this->run(problem).output, {0, 0, 0, 0, 0, 0});
}

TYPED_TEST(ReferenceTest, NoRowsAndNoChannels) {
  this->check(this->random_case(0, 5, 4), 2);
  this->check(this->random_case(5, 0, 4), 2);
  this->check(this->random_case(0, 0, 0));
}

TYPED_TEST(ReferenceTest, BiasIsAddedWithOneRounding) {
  const double ulp = std::ldexp(1.0, 1 - this->kFormats.compute.precision);
  // 3 * (1 + ulp) lies halfway between two values; rounded before the addition it would be 3 + 4 *
  // ulp.
  LinearCase problem = single_row({127, 1}, {0, 3}, 1 + ulp);
  problem.bias = {-3};
  EXPECT_EQ(rounded_product(1 + ulp, 3, this->kFormats.compute), 3 + 4 * ulp);
  this->check(problem);
  const double sum = rounded(exact(3 * ulp), this->kFormats.element);
  EXPECT_EQ(this->run(problem).output.front(), sum);
}

TYPED_TEST(ReferenceTest, WeightScaleMayHoldAnyValue) {
  const Format& compute = this->kFormats.compute;
  LinearCase problem = this->random_case(4, 9, 6);
  problem.weight_scale = {0,
                          -0.0,
                          -1.5,
                          kInfinity,
                          -kInfinity,
                          kNan,
                          std::ldexp(1.0, compute.lowest_exponent),
                          std::ldexp(-3.0, compute.lowest_exponent),
                          std::ldexp(1.0, compute.highest_exponent - 1)};
  std::fill_n(problem.activation.begin() + 6, 6, 0.0);
  this->check(problem);
  problem.bias.clear();
  this->check(problem);
}

TYPED_TEST(ReferenceTest, ExtremeWeights) {
  for (const int weight : {TestFixture::kLowestWeight, TestFixture::kHighestWeight}) {
    LinearCase problem = this->random_case(2, 3, 100);
    std::fill(problem.weight.begin(), problem.weight.end(), weight);
    this->check(problem);
  }
}

TYPED_TEST(ReferenceTest, LongestReductionDoesNotWrap) {
  using TWQ = typename TestFixture::TWQ;
  const std::int64_t k = max_k(-127, 127, element_kind_v<TWQ>);
  const int weight = std::is_same_v<TWQ, S8> ? -128 : 255;
  for (const double x : {1.0, -1.0}) {
    const LinearCase problem = single_row(std::vector<double>(static_cast<std::size_t>(k), x),
                                          std::vector<int>(static_cast<std::size_t>(k), weight));
    const LinearResult result = this->run(problem);
    const auto acc = static_cast<std::int64_t>(x) * 127 * weight * k;
    EXPECT_EQ(result.output.front(),
              exact_dequantize(result.act_scale.front(), 1, acc, nullptr, this->kFormats));
  }
}

TYPED_TEST(ReferenceTest, QuantizePassAloneGivesTheSame) {
  using TIn = typename TestFixture::TIn;
  LinearCase problem = this->random_case(5, 1, 33);
  problem.activation[40] = kNan;
  PaddedMatrix<TIn> activation(5, 33, 2);
  PaddedMatrix<S8> quantized(5, 33, 4);
  activation.fill(problem.activation);
  std::vector<scale_t<TIn>> scale(5, kPoison);
  const Status status = reference::dynamic_range_quantize<TIn, S8>(
      {5, 33, -127, 127, element_kind_v<TIn>},
      {activation.ref(), quantized.mut(), {scale.data(), {5}, {1}}});
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(quantized.padding_is_untouched());
  const LinearResult expected = exact_linear(problem, this->kFormats);
  EXPECT_EQ(quantized.template values<int>(), expected.quantized);
  expect_same("scale", {scale.begin(), scale.end()}, expected.act_scale);
}

// Worked out on paper. 1/127 is 0.(0000001) in binary, so RN(2/127) = (1 + 2^-7 + 2^-14 + 2^-21) /
// 64 in f32; inv = 63.5 makes a tie of the first element.
TEST(ReferenceByHand, OneRowOfF32) {
  LinearCase problem = single_row({1, -2, 0.5}, {1, 2, 3}, 0.5);
  LinearResult result = reference_linear<float, S8>(problem);
  EXPECT_EQ(result.quantized, (std::vector<int>{64, -127, 32}));
  EXPECT_EQ(result.act_scale.front(), 0x1.020408p-6);
  // acc = 64 - 254 + 96 = -94; 94 * 0x1020408 = 128 * 12417781.875, rounded to 128 * 12417782.
  EXPECT_EQ(result.output.front(), -12417782 * 0x1p-24);
  // Exactly, -94 * 0x1020408 * 2^-31 + 1 = (2^31 - 1589476080) * 2^-31 = 558007568 * 2^-31, which
  // f32 holds to a multiple of 64 * 2^-31: 558007568 / 32 = 17437736.5 is above 2^24, so the step
  // is 64: 8718868.25.
  problem.bias = {1};
  result = reference_linear<float, S8>(problem);
  EXPECT_EQ(result.output.front(), 8718868 * 0x1p-25);
}

// As above with weights that s8 does not hold: acc = 64 * 255 - 127 * 2 + 32 * 3 = 16162, and
// act_scale = 1/64 * 127/127 for amax = 127/64.
TEST(ReferenceByHand, OneRowOfF16WithUnsignedWeights) {
  const LinearCase problem = single_row({1, -1.984375, 0.5}, {255, 2, 3}, 0.25);
  const LinearResult result = reference_linear<__half, U8>(problem);
  EXPECT_EQ(result.quantized, (std::vector<int>{64, -127, 32}));
  EXPECT_EQ(result.act_scale.front(), 0x1p-6);
  // 16162 / 256 = 63.1328125; f16 has steps of 1/32 there, so 63.125.
  EXPECT_EQ(result.output.front(), 63.125);
}

TEST(ReferenceByHand, OutputOfF16OverflowsToInfinity) {
  const LinearCase problem = unit_row({65504, 65519.99609375, 65520, -65519.99609375, -65520, 1e9});
  expect_same("output", reference_linear<__half, S8>(problem).output,
              {65504, 65504, kInfinity, -65504, -kInfinity, kInfinity});
}

}  // namespace
}  // namespace qlinear::oracle
