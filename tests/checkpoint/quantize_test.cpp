#include "support/random.hpp"

#include <gtest/gtest.h>
#include <qlinear/checkpoint/quantize.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace qlinear::checkpoint {
namespace {

constexpr WeightScale kMethods[] = {WeightScale::AbsMax, WeightScale::MeanError};

std::vector<float> gaussian_weight(std::int64_t n, std::int64_t k, std::uint64_t seed) {
  test::Random random(seed);
  std::vector<float> weight(static_cast<std::size_t>(n * k));
  for (float& w : weight) w = static_cast<float>(0.02 * random.gaussian());
  return weight;
}

/// Of all integers from -127 to 127, the one that is nearest to `w / scale`; of two, the even one.
int nearest(float w, float scale) {
  const float quotient = w / scale;
  int best = -127;
  for (int q = -126; q <= 127; ++q) {
    const double distance = std::abs(static_cast<double>(quotient) - q);
    const double least = std::abs(static_cast<double>(quotient) - best);
    if (distance < least || (distance == least && q % 2 == 0)) best = q;
  }
  return best;
}

float largest_of(const float* row, std::int64_t k) {
  float largest = 0;
  for (std::int64_t i = 0; i < k; ++i) largest = std::fmax(largest, std::fabs(row[i]));
  return largest;
}

/// Tries every step and keeps the first that is best.
float searched_scale(const float* row, std::int64_t k) {
  float best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step < 100; ++step) {
    const double shrink = 1.0 - step / 500.0;
    const auto scale = static_cast<float>(largest_of(row, k) * shrink / 127.0);
    double error = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      error += std::pow(std::fabs(row[i] - double{scale} * nearest(row[i], scale)), 2.4);
    }
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

void expect_quantized(const std::vector<float>& weight, std::int64_t n, std::int64_t k,
                      WeightScale method) {
  const auto layer = quantize_weight(weight.data(), n, k, method);
  ASSERT_TRUE(layer.ok()) << layer.status().message();
  ASSERT_EQ(layer.value().n, n);
  ASSERT_EQ(layer.value().k, k);
  for (std::int64_t row = 0; row < n; ++row) {
    const float* w = weight.data() + row * k;
    const float expected =
        method == WeightScale::AbsMax ? largest_of(w, k) / 127 : searched_scale(w, k);
    const float scale = layer.value().weight_scale[static_cast<std::size_t>(row)];
    ASSERT_EQ(scale, expected) << "row " << row;
    for (std::int64_t i = 0; i < k; ++i) {
      ASSERT_EQ(layer.value().weight.get()[row * k + i], nearest(w[i], scale))
          << "row " << row << ", column " << i;
    }
  }
}

TEST(QuantizeWeight, TakesTheNearestIntegersWithTheScaleOfAPlainSearch) {
  for (const WeightScale method : kMethods) {
    expect_quantized(gaussian_weight(7, 300, 1), 7, 300, method);
    expect_quantized(gaussian_weight(3, 1, 2), 3, 1, method);
    expect_quantized(gaussian_weight(1, 1025, 3), 1, 1025, method);
  }
}

TEST(QuantizeWeight, TiesGoToTheEvenInteger) {
  const std::vector<float> weight{127, 0.5F, 1.5F, -0.5F, -1.5F, 2.5F, -127};
  const auto layer = quantize_weight(weight.data(), 1, 7, WeightScale::AbsMax);
  ASSERT_TRUE(layer.ok());
  const S8* q = layer.value().weight.get();
  EXPECT_EQ(std::vector<S8>(q, q + 7), (std::vector<S8>{127, 0, 2, 0, -2, 2, -127}));
}

TEST(QuantizeWeight, ClipsALoneOutlier) {
  std::vector<float> weight = gaussian_weight(1, 4096, 4);
  const float largest = largest_of(weight.data(), 4096);
  weight[17] = 1.2F * largest;
  expect_quantized(weight, 1, 4096, WeightScale::MeanError);
  const auto layer = quantize_weight(weight.data(), 1, 4096, WeightScale::MeanError);
  ASSERT_TRUE(layer.ok());
  EXPECT_LT(layer.value().weight_scale[0], weight[17] / 127);
  EXPECT_EQ(layer.value().weight.get()[17], 127);
}

TEST(QuantizeWeight, SearchesToTheLastStep) {
  // All elements but the largest are multiples of the smallest scale that is tried.
  const auto smallest = static_cast<float>((1 - 99 / 500.0) / 127);
  test::Random random(8);
  std::vector<float> weight(1 << 17);
  for (float& w : weight) w = static_cast<float>(random.between(-127, 127)) * smallest;
  weight[0] = 1;
  const auto layer = quantize_weight(weight.data(), 1, 1 << 17, WeightScale::MeanError);
  ASSERT_TRUE(layer.ok());
  EXPECT_EQ(layer.value().weight_scale[0], smallest);
}

TEST(QuantizeWeight, RowsOfZerosHaveTheScaleOne) {
  const std::vector<float> weight{0, 0, 1, -1, 1e-45F, 0};
  for (const WeightScale method : kMethods) {
    const auto layer = quantize_weight(weight.data(), 3, 2, method);
    ASSERT_TRUE(layer.ok());
    EXPECT_EQ(layer.value().weight_scale[0], 1);
    EXPECT_EQ(layer.value().weight_scale[2], 1);
    const S8* q = layer.value().weight.get();
    EXPECT_EQ(std::vector<S8>(q, q + 6), (std::vector<S8>{0, 0, 127, -127, 0, 0}));
  }
}

TEST(QuantizeWeight, TakesTheLargestFloats) {
  const float largest = std::numeric_limits<float>::max();
  for (const WeightScale method : kMethods) {
    expect_quantized({largest, -largest, largest / 2, 0}, 1, 4, method);
  }
}

TEST(QuantizeWeight, PartsGiveTheRowsOfTheWhole) {
  const std::vector<float> weight = gaussian_weight(8, 64, 5);
  for (const WeightScale method : kMethods) {
    const auto whole = quantize_weight(weight.data(), 8, 64, method);
    const auto part = quantize_weight(weight.data() + 3 * 64, 2, 64, method);
    ASSERT_TRUE(whole.ok() && part.ok());
    for (std::size_t row = 0; row < 2; ++row) {
      EXPECT_EQ(part.value().weight_scale[row], whole.value().weight_scale[row + 3]);
    }
    for (std::size_t i = 0; i < 128; ++i) {
      EXPECT_EQ(part.value().weight.get()[i], whole.value().weight.get()[3 * 64 + i]);
    }
  }
}

TEST(QuantizeWeight, IsEmptyWithoutRowsOrColumns) {
  const auto rows = quantize_weight(nullptr, 0, 4, WeightScale::MeanError);
  ASSERT_TRUE(rows.ok());
  EXPECT_TRUE(rows.value().weight_scale.empty());
  const auto columns = quantize_weight(nullptr, 2, 0, WeightScale::MeanError);
  ASSERT_TRUE(columns.ok());
  EXPECT_EQ(columns.value().weight_scale, (std::vector<float>{1, 1}));
}

TEST(QuantizeWeight, SaysWhichElementIsNotFinite) {
  std::vector<float> weight = gaussian_weight(3, 5, 6);
  weight[2 * 5 + 1] = std::numeric_limits<float>::quiet_NaN();
  const auto layer = quantize_weight(weight.data(), 3, 5, WeightScale::AbsMax);
  EXPECT_EQ(layer.status().code(), StatusCode::InvalidProblem);
  EXPECT_NE(layer.status().message().find("element [2, 1] is nan"), std::string::npos)
      << layer.status().message();
}

TEST(QuantizeWeight, RefusesBadSizesAndPointers) {
  constexpr auto kMethod = WeightScale::AbsMax;
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  const float one = 1;
  EXPECT_EQ(quantize_weight(&one, -1, 1, kMethod).status().code(), StatusCode::InvalidProblem);
  EXPECT_EQ(quantize_weight(&one, 1, -1, kMethod).status().code(), StatusCode::InvalidProblem);
  EXPECT_EQ(quantize_weight(&one, kHuge, kHuge, kMethod).status().code(),
            StatusCode::InvalidProblem);
  EXPECT_EQ(quantize_weight(nullptr, 1, 1, kMethod).status().code(), StatusCode::InvalidProblem);
}

TEST(QuantizationError, IsTheSumOfSquaresOfWhatWasLost) {
  // With a scale of 1, 0.25 is lost of one element and 0.5 of the other.
  const std::vector<float> weight{127, 3.25F, -127, 8.5F};
  const auto layer = quantize_weight(weight.data(), 2, 2, WeightScale::AbsMax);
  ASSERT_TRUE(layer.ok());
  const QuantizationError error = quantization_error(weight.data(), layer.value());
  EXPECT_EQ(error.signal, 2 * 127.0 * 127 + 3.25 * 3.25 + 8.5 * 8.5);
  EXPECT_EQ(error.noise, 0.25 * 0.25 + 0.5 * 0.5);
  EXPECT_EQ(signal_to_noise({1000, 10}), 20);
  EXPECT_EQ(signal_to_noise({1, 0}), std::numeric_limits<double>::infinity());
}

TEST(ColumnMaxima, AreTheLargestMagnitudes) {
  const std::vector<float> weight{1, -4, 0, -2, 3, 0};
  EXPECT_EQ(column_maxima(weight.data(), 2, 3).value(), (std::vector<float>{2, 4, 0}));
  EXPECT_EQ(column_maxima(nullptr, 1, 3).status().code(), StatusCode::InvalidProblem);
}

TEST(ColumnMaxima, KeepANaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& weight :
       {std::vector<float>{nan, 1}, std::vector<float>{1, nan}}) {
    EXPECT_TRUE(std::isnan(column_maxima(weight.data(), 2, 1).value()[0]));
  }
}

TEST(SmoothingFactors, FollowTheFormula) {
  const std::vector<float> activation{16, 4, 0, 9};
  const std::vector<std::vector<float>> weights{{1, 0.5F, 3, 0}, {4, 0.25F, 2, 0}};
  EXPECT_EQ(smoothing_factors(activation, weights).value(),
            (std::vector<float>{2, static_cast<float>(2 / std::sqrt(0.5)), 1, 1}));
  EXPECT_EQ(smoothing_factors(activation, weights, 1).value(), (std::vector<float>{16, 4, 1, 1}));
  EXPECT_EQ(smoothing_factors(activation, weights, 0).value(),
            (std::vector<float>{0.25F, 2, 1, 1}));
}

TEST(SmoothingFactors, AreOneWhereTheyWouldNotBeFinite) {
  const std::vector<float> activation{3e38F};
  EXPECT_EQ(smoothing_factors(activation, {{1e-45F}}, 0.5).value(), std::vector<float>{1});
}

TEST(SmoothingFactors, RefuseWhatIsNoMaximum) {
  const std::vector<float> two{1, 1};
  const auto code = [](const auto& result) { return result.status().code(); };
  EXPECT_EQ(code(smoothing_factors(two, {})), StatusCode::InvalidProblem);
  EXPECT_EQ(code(smoothing_factors(two, {{1, 1, 1}})), StatusCode::InvalidProblem);
  EXPECT_EQ(code(smoothing_factors({1, -1}, {two})), StatusCode::InvalidProblem);
  EXPECT_EQ(code(smoothing_factors(two, {two}, 1.5)), StatusCode::InvalidProblem);
  EXPECT_EQ(code(smoothing_factors(two, {two}, std::nan(""))), StatusCode::InvalidProblem);
  const auto refused =
      smoothing_factors(two, {two, {1, std::numeric_limits<float>::infinity()}}).status();
  EXPECT_NE(refused.message().find("maximum 1 of weight 1 is inf"), std::string::npos)
      << refused.message();
}

}  // namespace
}  // namespace qlinear::checkpoint
