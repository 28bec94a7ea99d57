#pragma once

#include "host_matrix.hpp"
#include "random.hpp"

#include <qlinear/types.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

// Seeded contents for the tensors of a case.

namespace qlinear::test {

/// What the operands of a case hold. Named after the activation; weights, scales and bias follow
/// where a remark says so.
enum class Fill {
  Gaussian,
  Lowest,         ///< All -1, so all `-q_max`; every weight is -128, or 255 for U8.
  ZeroRows,       ///< Rows of +0 and -0 among Gaussian ones.
  NonFinite,      ///< Rows with NaN, +inf, -inf or several of them among Gaussian ones.
  Subnormal,      ///< Subnormal numbers of the element type.
  TinyRows,       ///< amax around the point where `q_max / amax` overflows.
  Outliers,       ///< One element a row thousands of times the others.
  Saturating,     ///< Up to the largest finite number; scales that overflow f16 outputs.
  Ties,           ///< x / act_scale is an integer and a half; amax is 127.
  HostileScales,  ///< Gaussian; weight scales and bias of 0, -0, infinity, NaN, subnormals, ...
};

inline constexpr std::array kFills = {
    Fill::Gaussian, Fill::Lowest,   Fill::ZeroRows,   Fill::NonFinite, Fill::Subnormal,
    Fill::TinyRows, Fill::Outliers, Fill::Saturating, Fill::Ties,      Fill::HostileScales};

/// Name of the enumerator.
const char* to_string(Fill fill);

/// Whether `fill` makes results NaN, which NaN poison would equal.
inline bool makes_nans(Fill fill) { return fill == Fill::NonFinite || fill == Fill::HostileScales; }

namespace detail {

template <class TIn>
double tiny_amax(Random& random) {
  constexpr FloatLimits kCompute = float_limits<scale_t<TIn>>();
  constexpr FloatLimits kElement = float_limits<TIn>();
  const double overflow_point = 127.0 / kCompute.largest;
  const double amax = std::ldexp(overflow_point, static_cast<int>(random.between(-3, 3)));
  return std::fmax(amax * (0.5 + random.uniform()), kElement.smallest);
}

template <class T>
void scatter_non_finite(Random& random, T* row, std::int64_t cols) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::array kValues = {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity};
  const std::int64_t count = random.between(0, 2);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t middle = random.between(0, cols - 1);
    const std::array places = {std::int64_t{0}, cols - 1, middle, middle};
    row[places[random.index(places.size())]] =
        from_double<T>(kValues[random.index(kValues.size())]);
  }
}

/// One element of a row whose kind of content is `fill`; `amax` is the row's magnitude.
template <class TIn>
double activation_value(Random& random, Fill fill, double amax) {
  constexpr FloatLimits kLimits = float_limits<TIn>();
  const double uniform = 2 * random.uniform() - 1;
  switch (fill) {
    case Fill::Lowest:
      return -1;
    case Fill::Subnormal:
      return uniform * kLimits.smallest_normal;
    case Fill::TinyRows:
      return random.one_in(4) ? amax : uniform * amax;
    case Fill::Saturating:
      return random.one_in(4) ? std::copysign(kLimits.largest, uniform) : uniform * kLimits.largest;
    case Fill::Ties:
      return std::floor(uniform * 127) + 0.5;
    default:
      return random.gaussian();
  }
}

template <class T>
double scale_value(Random& random, Fill fill) {
  constexpr FloatLimits kLimits = float_limits<T>();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::array hostile = {0.0,
                              -0.0,
                              -0.75,
                              kInfinity,
                              -kInfinity,
                              std::numeric_limits<double>::quiet_NaN(),
                              kLimits.smallest,
                              kLimits.smallest_normal,
                              kLimits.largest,
                              1.0};
  if (fill == Fill::HostileScales) return hostile[random.index(hostile.size())];
  if (fill == Fill::Saturating) return 1e3 * random.uniform();
  return 1e-3 + 2e-2 * random.uniform();
}

/// The end of a range, or a scale times 127.
template <class TIn>
double range_value(Random& random, Fill fill) {
  using C = scale_t<TIn>;
  constexpr std::array kNotFinite = {std::numeric_limits<double>::quiet_NaN(),
                                     std::numeric_limits<double>::infinity(),
                                     -std::numeric_limits<double>::infinity()};
  switch (fill) {
    case Fill::HostileScales:
      return scale_value<C>(random, fill);
    case Fill::TinyRows:
      return tiny_amax<TIn>(random);
    case Fill::Subnormal:
      return random.uniform() * float_limits<TIn>().smallest_normal;
    case Fill::Saturating:
      return random.uniform() * float_limits<C>().largest;
    case Fill::ZeroRows:
      return random.one_in(2) ? 0.0 : 0.5 + 4 * random.uniform();
    case Fill::NonFinite:
      return random.one_in(4) ? kNotFinite[random.index(kNotFinite.size())]
                              : 0.5 + 4 * random.uniform();
    default:
      return 0.5 + 4 * random.uniform();
  }
}

/// A factor of a column or a row: about one, or any number.
template <class T>
double factor_value(Random& random, Fill fill) {
  return fill == Fill::HostileScales ? scale_value<T>(random, fill) : 0.25 + 1.5 * random.uniform();
}

}  // namespace detail

/// A vector whose elements are what `draw` returns, one after another.
template <class T, class Draw>
HostMatrix<T> make_vector(std::int64_t size, const Draw& draw) {
  HostMatrix<T> vector(1, size);
  for (T& value : vector.values()) value = from_double<T>(static_cast<double>(draw()));
  return vector;
}

/// Of columns, of routes, or of norms.
template <class T>
HostMatrix<T> make_factors(std::int64_t size, Fill fill, std::uint64_t seed) {
  Random random(seed);
  return make_vector<T>(size, [&] { return detail::factor_value<T>(random, fill); });
}

/// The ends of ranges for activations of type TIn: most of them have the sign of `sign`.
template <class TIn>
HostMatrix<scale_t<TIn>> make_range(std::int64_t size, int sign, Fill fill, std::uint64_t seed) {
  Random random(seed);
  return make_vector<scale_t<TIn>>(size, [&] {
    const double value = sign * detail::range_value<TIn>(random, fill);
    return random.one_in(8) ? -value : value;
  });
}

/// Scales for activations of type TIn that do not come from the row.
template <class TIn>
HostMatrix<scale_t<TIn>> make_static_scale(std::int64_t size, Fill fill, std::uint64_t seed) {
  Random random(seed);
  return make_vector<scale_t<TIn>>(size,
                                   [&] { return detail::range_value<TIn>(random, fill) / 127; });
}

template <class TIn>
HostMatrix<TIn> make_activation(std::int64_t rows, std::int64_t cols, Fill fill,
                                std::uint64_t seed) {
  HostMatrix<TIn> x(rows, cols);
  Random random(seed);
  for (std::int64_t r = 0; r < rows && cols > 0; ++r) {
    const double amax = detail::tiny_amax<TIn>(random);
    for (std::int64_t c = 0; c < cols; ++c) {
      x.at(r, c) = from_double<TIn>(detail::activation_value<TIn>(random, fill, amax));
    }
    const std::int64_t place = random.between(0, cols - 1);
    if (fill == Fill::Ties) x.at(r, place) = from_double<TIn>(127);
    if (fill == Fill::Outliers) x.at(r, place) = from_double<TIn>(random.gaussian() * 8000);
    if (fill == Fill::NonFinite) detail::scatter_non_finite(random, x.row(r), cols);
    if (fill == Fill::ZeroRows && !random.one_in(3)) {
      for (std::int64_t c = 0; c < cols; ++c) {
        x.at(r, c) = from_double<TIn>(random.one_in(2) ? 0.0 : -0.0);
      }
    }
  }
  return x;
}

template <class TWQ>
HostMatrix<TWQ> make_weight(std::int64_t rows, std::int64_t cols, Fill fill, std::uint64_t seed) {
  constexpr std::int64_t kLowest = std::numeric_limits<TWQ>::min();
  constexpr std::int64_t kHighest = std::numeric_limits<TWQ>::max();
  constexpr std::int64_t kExtreme = std::is_signed_v<TWQ> ? kLowest : kHighest;
  HostMatrix<TWQ> weight(rows, cols);
  Random random(seed);
  for (TWQ& w : weight.values()) {
    w = static_cast<TWQ>(fill == Fill::Lowest ? kExtreme : random.between(kLowest, kHighest));
  }
  return weight;
}

/// Weight scales, [C_out].
template <class T>
HostMatrix<T> make_scale(std::int64_t size, Fill fill, std::uint64_t seed) {
  HostMatrix<T> scale(1, size);
  Random random(seed);
  for (T& value : scale.values()) value = from_double<T>(detail::scale_value<T>(random, fill));
  return scale;
}

/// Bias, [C_out].
template <class T>
HostMatrix<T> make_bias(std::int64_t size, Fill fill, std::uint64_t seed) {
  HostMatrix<T> bias(1, size);
  Random random(seed);
  for (T& value : bias.values()) {
    value = from_double<T>(fill == Fill::HostileScales ? detail::scale_value<T>(random, fill)
                                                       : random.gaussian());
  }
  return bias;
}

}  // namespace qlinear::test
