#pragma once

#include "exact_arithmetic.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

/// The numerical contract in exact arithmetic, for every element type at once: values are doubles
/// that the formats can hold.
namespace qlinear::oracle {

/// Formats of one activation type.
struct Precision {
  Format element;      ///< Activation, bias and output.
  Format compute;      ///< Scales and everything between.
  int tiny_row_shift;  ///< Exponent by which a row is lifted where q_max / amax overflows.
};

/// One problem: matrices are row-major without padding.
struct LinearCase {
  std::int64_t m = 0;
  std::int64_t c_out = 0;
  std::int64_t k = 0;
  std::int32_t q_min = -127;
  std::int32_t q_max = 127;
  std::vector<double> activation;
  std::vector<int> weight;
  std::vector<double> weight_scale;
  std::vector<double> bias;  ///< Empty for none, unless C_out is 0.
};

struct LinearResult {
  std::vector<int> quantized;
  std::vector<double> act_scale;
  std::vector<double> output;
};

struct QuantizedRow {
  std::vector<int> quantized;
  double scale;
};

/// Whether `q_max / amax` overflows, so that the row is lifted.
inline bool is_tiny(double amax, std::int32_t q_max, const Precision& precision) {
  return std::isinf(rounded_quotient(exact(q_max), exact(amax), precision.compute));
}

inline QuantizedRow exact_quantize(const std::vector<double>& row, std::int32_t q_min,
                                   std::int32_t q_max, const Precision& precision) {
  QuantizedRow result{std::vector<int>(row.size(), 0), 1.0};
  double amax = 0;
  for (const double x : row) {
    if (!std::isfinite(x)) result.scale = std::numeric_limits<double>::quiet_NaN();
    amax = std::max(amax, std::abs(x));
  }
  if (std::isnan(result.scale) || amax == 0) return result;
  result.scale = rounded_quotient(exact(amax), exact(q_max), precision.compute);
  const int shift = is_tiny(amax, q_max, precision) ? precision.tiny_row_shift : 0;
  Exact lifted = exact(amax);
  lifted.exponent += shift;
  const double inv = rounded_quotient(exact(q_max), lifted, precision.compute);
  for (std::size_t i = 0; i < row.size(); ++i) {
    Exact x = exact(row[i]);
    x.exponent += shift;
    const double product = rounded(x * exact(inv), precision.compute);
    const double nearest = rounded(exact(product), kInteger);
    result.quantized[i] = std::clamp(static_cast<int>(nearest), q_min, q_max);
  }
  return result;
}

/// One element of the output.
inline double exact_dequantize(double act_scale, double weight_scale, std::int64_t acc,
                               const double* bias, const Precision& precision) {
  const double s = rounded_product(act_scale, weight_scale, precision.compute);
  const double sum = rounded(exact(static_cast<double>(acc)), precision.compute);
  const double y = bias == nullptr ? rounded_product(s, sum, precision.compute)
                                   : rounded_fma(s, sum, *bias, precision.compute);
  return std::isfinite(y) ? rounded(exact(y), precision.element) : y;
}

inline LinearResult exact_linear(const LinearCase& problem, const Precision& precision) {
  LinearResult result;
  for (std::int64_t m = 0; m < problem.m; ++m) {
    const auto begin = problem.activation.begin() + m * problem.k;
    const QuantizedRow row =
        exact_quantize({begin, begin + problem.k}, problem.q_min, problem.q_max, precision);
    result.quantized.insert(result.quantized.end(), row.quantized.begin(), row.quantized.end());
    result.act_scale.push_back(row.scale);
    for (std::int64_t n = 0; n < problem.c_out; ++n) {
      const int* const weight = problem.weight.data() + n * problem.k;
      std::int64_t acc = 0;
      for (std::size_t k = 0; k < row.quantized.size(); ++k) {
        acc += std::int64_t{row.quantized[k]} * weight[k];
      }
      const auto column = static_cast<std::size_t>(n);
      const double* const bias = problem.bias.empty() ? nullptr : &problem.bias[column];
      result.output.push_back(
          exact_dequantize(row.scale, problem.weight_scale[column], acc, bias, precision));
    }
  }
  return result;
}

}  // namespace qlinear::oracle
