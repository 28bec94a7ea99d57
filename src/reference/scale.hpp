#pragma once

#include "elements.hpp"

#include <qlinear/problem.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

// How a row is quantized: its scale and zero point, and from these its elements.

namespace qlinear::reference::steps {

/// The bounds of quantized elements in C.
template <class C>
struct Bounds {
  C lowest;
  C highest;
};

/// The range of a row and zero.
template <class C>
struct Range {
  C low = 0;
  C high = 0;

  C largest_magnitude() const { return std::max(-low, high); }
};

/// Returns the range of `h`: NaN twice if any element is NaN, zeros if there is none.
template <class C, class Source>
Range<C> range_of(const Source& h, std::int64_t k_count) {
  Range<C> range;
  for (std::int64_t k = 0; k < k_count; ++k) {
    const C value = h[k];
    if (std::isnan(value)) return {value, value};
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  return range;
}

template <class C>
bool is_finite(const Range<C>& range) {
  return std::isfinite(range.low) && std::isfinite(range.high);
}

/// A row is multiplied by two to this power where the inverse of its scale would overflow.
template <class C>
constexpr int kTinyRowExponent = std::is_same_v<C, double> ? 512 : 64;

/// The formula of an element by the range of its row; the zero point of symmetric rows is 0.
template <class C>
struct DynamicRow {
  C scale;
  C zero_point;
  C factor;
  C inv;

  C operator()(C h, const Bounds<C>& bounds) const {
    return std::clamp(std::rint(h * factor * inv) + zero_point, bounds.lowest, bounds.highest);
  }
};

/// The formula of an element by a scale that was there before.
template <class C>
struct StaticRow {
  C scale;
  C zero_point;
  C rho;  ///< 1 where there is none.

  C operator()(C h, const Bounds<C>& bounds) const {
    const C y = h * rho;
    const C q = std::clamp(y / scale, bounds.lowest - zero_point, bounds.highest - zero_point);
    return std::rint(q) + zero_point;
  }
};

/// A row of zeros gets the scale 1. No row for one that is NaN.
template <class C>
std::optional<DynamicRow<C>> dynamic_row(const Range<C>& range, bool asymmetric, C rho,
                                         const Bounds<C>& bounds) {
  const C width = asymmetric ? range.high - range.low : range.largest_magnitude();
  const C levels = asymmetric ? bounds.highest - bounds.lowest : bounds.highest;
  if (!is_finite(range) || !std::isfinite(width)) return {};
  if (width == 0) return DynamicRow<C>{.scale = 1, .zero_point = 0, .factor = 1, .inv = 0};
  DynamicRow<C> row{.scale = width * rho / levels, .zero_point = 0, .factor = 1, .inv = 0};
  if (std::isinf(levels / width)) row.factor = std::ldexp(C{1}, kTinyRowExponent<C>);
  row.inv = levels / (width * row.factor);
  if (asymmetric) {
    const C lowest = range.low * row.factor * row.inv;
    row.zero_point = std::clamp(std::rint(bounds.lowest - lowest), bounds.lowest, bounds.highest);
  }
  return row;
}

/// The range that comes from outside.
template <class TIn>
Range<scale_t<TIn>> given_range(ScaleKind kind, const ScaleTensors<TIn>& tensors, std::int64_t m) {
  using C = scale_t<TIn>;
  const C high = tensors.range_max.data[m];
  if (kind == ScaleKind::GivenRange) return {0, std::abs(high)};
  const C low = tensors.range_min.data[m];
  if (std::isnan(low) || std::isnan(high)) return {low + high, low + high};
  return {std::min(C{0}, low), std::max(C{0}, high)};
}

/// No row for a scale that is not finite and positive.
template <class TIn>
std::optional<StaticRow<scale_t<TIn>>> static_row(const ScaleDescriptor& scale,
                                                  const ScaleTensors<TIn>& tensors, std::int64_t m,
                                                  scale_t<TIn> rho,
                                                  const Bounds<scale_t<TIn>>& bounds) {
  using C = scale_t<TIn>;
  StaticRow<C> row{.scale = element_or_only(tensors.scale, m), .zero_point = 0, .rho = rho};
  if (!std::isfinite(row.scale) || row.scale <= 0) return {};
  if (scale.zero_points) {
    row.zero_point = std::clamp(static_cast<C>(element_or_only(tensors.zero_point, m)),
                                bounds.lowest, bounds.highest);
  }
  return row;
}

/// What a quantize pass writes of a row beside its elements.
template <class C>
struct QuantizedRow {
  C scale;
  S8 zero_point = 0;
  std::int32_t sum = 0;
};

/// Quantizes the row by `formula`, or as a NaN row if there is none.
template <class C, class Source, class Formula>
QuantizedRow<C> quantize_by(const std::optional<Formula>& formula, const Source& h,
                            std::int64_t k_count, const Bounds<C>& bounds, S8* q) {
  if (!formula) {
    std::fill_n(q, k_count, S8{0});
    return {.scale = std::numeric_limits<C>::quiet_NaN()};
  }
  std::uint32_t sum = 0;
  for (std::int64_t k = 0; k < k_count; ++k) {
    q[k] = static_cast<S8>((*formula)(h[k], bounds));
    sum += static_cast<std::uint32_t>(std::int32_t{q[k]});
  }
  return {.scale = formula->scale,
          .zero_point = static_cast<S8>(formula->zero_point),
          .sum = static_cast<std::int32_t>(sum)};
}

/// Quantizes the row `m` whose `h` is `row`.
template <class TIn, class Source>
QuantizedRow<scale_t<TIn>> quantize_row(const DynamicRangeQuantizeDescriptor& descriptor,
                                        const ScaleTensors<TIn>& tensors, const Source& row,
                                        std::int64_t m, std::int64_t k_count, S8* q) {
  using C = scale_t<TIn>;
  const ScaleKind kind = descriptor.scale.kind;
  const Bounds<C> bounds{static_cast<C>(descriptor.q_min), static_cast<C>(descriptor.q_max)};
  const Range<C> own = range_of<C>(row, k_count);
  const bool is_nan = row.is_nan || !is_finite(own);
  if (kind == ScaleKind::Static) {
    const auto formula = static_row(descriptor.scale, tensors, m, row.rho, bounds);
    return quantize_by(is_nan ? std::nullopt : formula, row, k_count, bounds, q);
  }
  const bool is_given = kind == ScaleKind::GivenRange || kind == ScaleKind::GivenRangeAsymmetric;
  const Range<C> range = is_given ? given_range(kind, tensors, m) : own;
  const auto formula = dynamic_row(range, has_zero_points(descriptor.scale), row.rho, bounds);
  return quantize_by(is_nan ? std::nullopt : formula, row, k_count, bounds, q);
}

}  // namespace qlinear::reference::steps
