#include <base/floating_point_environment.hpp>
#include <checkpoint/failure.hpp>
#include <qlinear/checkpoint/quantize.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace qlinear::checkpoint {
namespace {

constexpr float kLargest = 127;
constexpr int kShrinkSteps = 100;
constexpr double kShrinkStep = 500;  ///< The last step is 1 - 99 / 500, so just above 0.8.
constexpr double kErrorExponent = 2.4;

std::string shape_text(std::int64_t n, std::int64_t k) {
  std::string text = "[";
  text += std::to_string(n) + ", " + std::to_string(k) + "]";
  return text;
}

void check_weight(const float* weight, std::int64_t n, std::int64_t k) {
  if (n < 0 || k < 0) {
    detail::fail("the weight is " + shape_text(n, k) + ": a size cannot be negative");
  }
  if (k > 0 && n > std::numeric_limits<std::int64_t>::max() / k / 8) {
    detail::fail("the weight is " + shape_text(n, k) + ", which no memory holds");
  }
  if (weight == nullptr && n > 0 && k > 0) {
    detail::fail("the weight " + shape_text(n, k) + " is a null pointer");
  }
}

void check_finite(const float* weight, std::int64_t n, std::int64_t k) {
  for (std::int64_t i = 0; i < n * k; ++i) {
    if (!std::isfinite(weight[i])) {
      detail::fail("the weight's element [" + std::to_string(i / k) + ", " + std::to_string(i % k) +
                   "] is " + std::to_string(weight[i]) + "; only finite weights can be quantized");
    }
  }
}

/// `rint(clamp(w / scale, -127, 127))` as a float. Adding 1.5 * 2^23 rounds to an integer, and does
/// so for several elements at once, where `rint` may be a call for each.
float quantized(float w, float scale) noexcept {
  constexpr float kRounder = 12582912;
  return (std::clamp(w / scale, -kLargest, kLargest) + kRounder) - kRounder;
}

float largest_magnitude(const float* row, std::int64_t k) noexcept {
  float largest = 0;
  for (std::int64_t i = 0; i < k; ++i) largest = std::max(largest, std::abs(row[i]));
  return largest;
}

float scale_or_one(double scale) noexcept {
  const auto rounded = static_cast<float>(scale);
  return rounded > 0 ? rounded : 1;
}

/// The sum of `|w - q * scale| ^ 2.4`; or, once it is at least `limit`, any part of it that is.
double clip_error(const float* row, std::int64_t k, float scale, double limit) noexcept {
  constexpr std::int64_t kBlock = 256;
  double error = 0;
  for (std::int64_t begin = 0; begin < k && error < limit; begin += kBlock) {
    const std::int64_t end = std::min(k, begin + kBlock);
    for (std::int64_t i = begin; i < end; ++i) {
      const double q = quantized(row[i], scale);
      error += std::pow(std::abs(row[i] - q * scale), kErrorExponent);
    }
  }
  return error;
}

float scale_of_row(const float* row, std::int64_t k, WeightScale method) noexcept {
  const double largest = largest_magnitude(row, k);
  float best = scale_or_one(largest / kLargest);
  if (method == WeightScale::AbsMax || largest == 0) return best;
  double least = clip_error(row, k, best, std::numeric_limits<double>::infinity());
  for (int i = 1; i < kShrinkSteps; ++i) {
    const float scale = scale_or_one(largest * (1 - i / kShrinkStep) / kLargest);
    const double error = clip_error(row, k, scale, least);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

Result<QuantizedLinear> quantize_checked(const float* weight, std::int64_t n, std::int64_t k,
                                         WeightScale method) {
  const auto storage = std::make_shared<std::vector<S8>>(static_cast<std::size_t>(n * k));
  QuantizedLinear layer;
  layer.n = n;
  layer.k = k;
  layer.weight_scale.resize(static_cast<std::size_t>(n));
  for (std::int64_t row = 0; row < n; ++row) {
    const float* const w = weight + row * k;
    S8* const q = storage->data() + row * k;
    const float scale = scale_of_row(w, k, method);
    layer.weight_scale[static_cast<std::size_t>(row)] = scale;
    for (std::int64_t i = 0; i < k; ++i) q[i] = static_cast<S8>(quantized(w[i], scale));
  }
  layer.weight = {storage, storage->data()};
  return layer;
}

bool is_maximum(float value) noexcept { return std::isfinite(value) && value >= 0; }

void check_maxima(const std::vector<float>& maxima, std::size_t k, const std::string& of) {
  if (maxima.size() != k) {
    detail::fail("the maxima of " + of + " are " + std::to_string(maxima.size()) +
                 ", those of the activation " + std::to_string(k) +
                 "; layers that share an activation have the same K");
  }
  const auto bad = std::find_if_not(maxima.begin(), maxima.end(), is_maximum);
  if (bad == maxima.end()) return;
  detail::fail("maximum " + std::to_string(bad - maxima.begin()) + " of " + of + " is " +
               std::to_string(*bad) + "; a largest magnitude is finite and not negative");
}

void check_smoothing(const std::vector<float>& activation_max,
                     const std::vector<std::vector<float>>& weight_max, double a) {
  if (!(a >= 0 && a <= 1)) {
    detail::fail("the exponent is " + std::to_string(a) + "; it lies between 0 and 1");
  }
  if (weight_max.empty()) detail::fail("there are no layers whose activation could be smoothed");
  const std::size_t k = activation_max.size();
  check_maxima(activation_max, k, "the activation");
  for (std::size_t i = 0; i < weight_max.size(); ++i) {
    check_maxima(weight_max[i], k, "weight " + std::to_string(i));
  }
}

float smoothing_factor(double activation, double weight, double a) noexcept {
  if (activation == 0 || weight == 0) return 1;
  const auto factor = static_cast<float>(std::pow(activation, a) / std::pow(weight, 1 - a));
  return std::isfinite(factor) && factor > 0 ? factor : 1;
}

}  // namespace

Result<QuantizedLinear> quantize_weight(const float* weight, std::int64_t n, std::int64_t k,
                                        WeightScale method) noexcept {
  return detail::without_exceptions([&]() -> Result<QuantizedLinear> {
    check_weight(weight, n, k);
    check_finite(weight, n, k);
    return qlinear::detail::with_default_floating_point(
        [&] { return quantize_checked(weight, n, k, method); });
  });
}

QuantizationError quantization_error(const float* weight, const QuantizedLinear& layer) noexcept {
  QuantizationError error;
  for (std::int64_t row = 0; row < layer.n; ++row) {
    const double scale = layer.weight_scale[static_cast<std::size_t>(row)];
    for (std::int64_t i = row * layer.k; i < (row + 1) * layer.k; ++i) {
      const double w = weight[i];
      const double lost = w - layer.weight.get()[i] * scale;
      error.signal += w * w;
      error.noise += lost * lost;
    }
  }
  return error;
}

double signal_to_noise(const QuantizationError& error) noexcept {
  if (error.noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(error.signal / error.noise);
}

Result<std::vector<float>> column_maxima(const float* weight, std::int64_t n,
                                         std::int64_t k) noexcept {
  return detail::without_exceptions([&]() -> Result<std::vector<float>> {
    check_weight(weight, n, k);
    std::vector<float> maxima(static_cast<std::size_t>(k));
    for (std::int64_t row = 0; row < n; ++row) {
      for (std::int64_t i = 0; i < k; ++i) {
        float& maximum = maxima[static_cast<std::size_t>(i)];
        const float magnitude = std::abs(weight[row * k + i]);
        if (!(magnitude <= maximum) && !std::isnan(maximum)) maximum = magnitude;
      }
    }
    return maxima;
  });
}

Result<std::vector<float>> smoothing_factors(const std::vector<float>& activation_max,
                                             const std::vector<std::vector<float>>& weight_max,
                                             double a) noexcept {
  return detail::without_exceptions([&]() -> Result<std::vector<float>> {
    check_smoothing(activation_max, weight_max, a);
    std::vector<float> factors(activation_max.size());
    for (std::size_t i = 0; i < factors.size(); ++i) {
      float largest = 0;
      for (const std::vector<float>& maxima : weight_max) largest = std::max(largest, maxima[i]);
      factors[i] = smoothing_factor(activation_max[i], largest, a);
    }
    return factors;
  });
}

}  // namespace qlinear::checkpoint
