#pragma once

#include "exact_linear.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

/// What is around the product, in exact arithmetic, for finite values that overflow nowhere.
namespace qlinear::oracle {

inline double rounded_sum(double a, double b, const Format& format) {
  return rounded(exact(a) + exact(b), format);
}

inline double quotient(double a, double b, const Format& format) {
  return rounded_quotient(exact(a), exact(b), format);
}

/// Whether `a <= b`.
inline bool at_most(const Exact& a, const Exact& b) {
  const Exact difference = b + Exact{!a.negative, a.magnitude, a.exponent};
  return difference.magnitude.is_zero() || !difference.negative;
}

/// The square root of a normal number rounded once, or NaN where a square says that it is not: the
/// root lies between the midpoints to the next numbers of the format.
inline double rounded_root(double x, const Format& format) {
  const double root = rounded(exact(std::sqrt(x)), format);
  const int half_ulp = std::ilogb(root) - format.precision;
  const Exact half{false, Natural{1}, half_ulp};
  const Exact minus_half{true, Natural{1}, half_ulp};
  const Exact low = exact(root) + minus_half;
  const Exact high = exact(root) + half;
  const bool is_nearest = at_most(low * low, exact(x)) && at_most(exact(x), high * high);
  return is_nearest ? root : std::numeric_limits<double>::quiet_NaN();
}

using Leaf = std::function<double(std::int64_t)>;

/// What lane `lane` holds after the step at `distance` of the tree over 32 `leaves`.
inline double tree_node(const Leaf& leaves, std::int64_t lane, std::int64_t distance,
                        const Format& format) {
  if (distance == 32) return leaves(lane);
  return rounded_sum(tree_node(leaves, lane, 2 * distance, format),
                     tree_node(leaves, lane + distance, 2 * distance, format), format);
}

/// The sum of `summand(s, i)` over the indices of a row of `size`, in the contract's order.
inline double ordered_sum(std::int64_t size, const Format& format,
                          const std::function<double(double, std::int64_t)>& summand) {
  const auto chunk = [&](std::int64_t number) {
    double sum = 0;
    for (std::int64_t i = 16 * number; i < 16 * number + 16; ++i) {
      if (i < size) sum = summand(sum, i);
    }
    return sum;
  };
  const auto group = [&](std::int64_t number) {
    return tree_node([&](std::int64_t lane) { return chunk(32 * number + lane); }, 0, 1, format);
  };
  const std::int64_t groups = (size + 511) / 512;
  const auto column = [&](std::int64_t lane) {
    double sum = 0;
    for (std::int64_t i = lane; i < groups; i += 32) sum = rounded_sum(sum, group(i), format);
    return sum;
  };
  return tree_node(column, 0, 1, format);
}

/// `h` of a row, and the factor that only its scale takes.
struct ExactSource {
  std::vector<double> h;
  double rho = 1;
};

inline double reciprocal_deviation(double sum, std::int64_t size, double eps,
                                   const Format& format) {
  const double mean = quotient(sum, static_cast<double>(size), format);
  return quotient(1, rounded_root(rounded_sum(mean, eps, format), format), format);
}

/// `weight` is empty where there is none.
inline ExactSource exact_rms_norm(const std::vector<double>& r, const std::vector<double>& weight,
                                  double offset, double eps, const Format& format) {
  ExactSource source{r};
  const auto size = static_cast<std::int64_t>(r.size());
  for (std::size_t k = 0; k < weight.size(); ++k) {
    const double w = offset == 0 ? weight[k] : rounded_sum(weight[k], offset, format);
    source.h[k] = rounded_product(r[k], w, format);
  }
  const double sum = ordered_sum(size, format, [&](double s, std::int64_t k) {
    return rounded_fma(r[static_cast<std::size_t>(k)], r[static_cast<std::size_t>(k)], s, format);
  });
  if (size > 0) source.rho = reciprocal_deviation(sum, size, eps, format);
  return source;
}

inline ExactSource exact_layer_norm(const std::vector<double>& r, const std::vector<double>& weight,
                                    const std::vector<double>& bias, double eps,
                                    const Format& format) {
  ExactSource source{r};
  const auto size = static_cast<std::int64_t>(r.size());
  if (size == 0) return source;
  const double sum = ordered_sum(size, format, [&](double s, std::int64_t k) {
    return rounded_sum(s, r[static_cast<std::size_t>(k)], format);
  });
  const double mean = quotient(sum, static_cast<double>(size), format);
  const auto deviation = [&](std::size_t k) { return rounded_sum(r[k], -mean, format); };
  const double squares = ordered_sum(size, format, [&](double s, std::int64_t k) {
    const double d = deviation(static_cast<std::size_t>(k));
    return rounded_fma(d, d, s, format);
  });
  const double rstd = reciprocal_deviation(squares, size, eps, format);
  for (std::size_t k = 0; k < r.size(); ++k) {
    source.h[k] =
        rounded_fma(rounded_product(deviation(k), rstd, format), weight.empty() ? 1 : weight[k],
                    bias.empty() ? -0.0 : bias[k], format);
  }
  return source;
}

struct ExactRow {
  std::vector<int> quantized;
  double scale = 1;
  int zero_point = 0;
};

inline int nearest(double value) { return static_cast<int>(rounded(exact(value), kInteger)); }

/// `low` and `high` are the range, symmetric where `low` is 0 and `levels` is `q_max`.
inline ExactRow exact_dynamic(const ExactSource& source, double low, double high, bool asymmetric,
                              int q_min, int q_max, const Precision& precision) {
  const Format& format = precision.compute;
  ExactRow row;
  row.quantized.assign(source.h.size(), 0);
  const double width = asymmetric ? rounded_sum(high, -low, format) : std::max(high, -low);
  const int levels = asymmetric ? q_max - q_min : q_max;
  if (width == 0) return row;
  row.scale = quotient(rounded_product(width, source.rho, format), levels, format);
  const bool tiny = std::isinf(quotient(levels, width, format));
  const double lift = std::ldexp(1.0, tiny ? precision.tiny_row_shift : 0);
  const double inv = quotient(levels, width * lift, format);
  if (asymmetric) {
    const double lowest = rounded_product(low * lift, inv, format);
    row.zero_point = std::clamp(nearest(rounded_sum(q_min, -lowest, format)), q_min, q_max);
  }
  for (std::size_t k = 0; k < source.h.size(); ++k) {
    const double level = rounded_product(source.h[k] * lift, inv, format);
    const double shifted = std::clamp(level, -1e6, 1e6);
    row.quantized[k] = std::clamp(nearest(shifted) + row.zero_point, q_min, q_max);
  }
  return row;
}

inline ExactRow exact_static(const ExactSource& source, double scale, int zero_point, int q_min,
                             int q_max, const Format& format) {
  ExactRow row;
  if (!std::isfinite(scale) || scale <= 0) {
    row.quantized.assign(source.h.size(), 0);
    row.scale = std::numeric_limits<double>::quiet_NaN();
    return row;
  }
  row.scale = scale;
  row.zero_point = std::clamp(zero_point, q_min, q_max);
  for (const double h : source.h) {
    const double level = quotient(rounded_product(h, source.rho, format), scale, format);
    const double clamped =
        std::clamp<double>(level, q_min - row.zero_point, q_max - row.zero_point);
    row.quantized.push_back(nearest(clamped) + row.zero_point);
  }
  return row;
}

}  // namespace qlinear::oracle
