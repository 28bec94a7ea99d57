#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// Arithmetic without rounding, and one rounding to a binary format. It shares nothing with the
/// library and trusts no floating-point unit: sums and products are integers times a power of two,
/// and a quotient carries its remainder into the rounding.
namespace qlinear::oracle {

/// A natural number of any size.
class Natural {
 public:
  explicit Natural(std::uint64_t value = 0)
      : limbs_{static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)} {
    trim();
  }

  bool is_zero() const { return limbs_.empty(); }

  int bit_length() const {
    if (is_zero()) return 0;
    int length = static_cast<int>(limbs_.size() - 1) * 32;
    for (std::uint32_t top = limbs_.back(); top != 0; top >>= 1) ++length;
    return length;
  }

  bool bit(int index) const {
    const auto limb = static_cast<std::size_t>(index / 32);
    return limb < limbs_.size() && (limbs_[limb] >> (index % 32) & 1U) != 0;
  }

  bool any_bit_below(int index) const {
    for (int i = 0; i < std::min(index, bit_length()); ++i) {
      if (bit(i)) return true;
    }
    return false;
  }

  /// Precondition: the value is below 2^64.
  std::uint64_t to_integer() const { return limb(0) | std::uint64_t{limb(1)} << 32; }

  Natural shifted_left(int count) const {
    const auto limbs = static_cast<std::size_t>(count / 32);
    Natural result;
    result.limbs_.resize(limbs + limbs_.size() + 1);
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
      const std::uint64_t spread = std::uint64_t{limbs_[i]} << (count % 32);
      result.limbs_[limbs + i] |= static_cast<std::uint32_t>(spread);
      result.limbs_[limbs + i + 1] |= static_cast<std::uint32_t>(spread >> 32);
    }
    result.trim();
    return result;
  }

  Natural shifted_right(int count) const {
    const auto limbs = static_cast<std::size_t>(count / 32);
    Natural result;
    for (std::size_t i = limbs; i < limbs_.size(); ++i) {
      const std::uint64_t pair = limb(i) | std::uint64_t{limb(i + 1)} << 32;
      result.limbs_.push_back(static_cast<std::uint32_t>(pair >> (count % 32)));
    }
    result.trim();
    return result;
  }

  friend Natural operator+(const Natural& a, const Natural& b) {
    Natural result;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < std::max(a.limbs_.size(), b.limbs_.size()) + 1; ++i) {
      carry += std::uint64_t{a.limb(i)} + b.limb(i);
      result.limbs_.push_back(static_cast<std::uint32_t>(carry));
      carry >>= 32;
    }
    result.trim();
    return result;
  }

  /// Precondition: `b <= a`.
  friend Natural operator-(const Natural& a, const Natural& b) {
    Natural result;
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < a.limbs_.size(); ++i) {
      const std::int64_t difference = std::int64_t{a.limb(i)} - b.limb(i) - borrow;
      result.limbs_.push_back(static_cast<std::uint32_t>(difference));
      borrow = difference < 0 ? 1 : 0;
    }
    result.trim();
    return result;
  }

  friend Natural operator*(const Natural& a, const Natural& b) {
    Natural result;
    result.limbs_.resize(a.limbs_.size() + b.limbs_.size());
    for (std::size_t i = 0; i < a.limbs_.size(); ++i) {
      std::uint64_t carry = 0;
      for (std::size_t j = 0; i + j < result.limbs_.size(); ++j) {
        carry += std::uint64_t{a.limbs_[i]} * b.limb(j) + result.limbs_[i + j];
        result.limbs_[i + j] = static_cast<std::uint32_t>(carry);
        carry >>= 32;
      }
    }
    result.trim();
    return result;
  }

  friend bool operator<(const Natural& a, const Natural& b) {
    if (a.limbs_.size() != b.limbs_.size()) return a.limbs_.size() < b.limbs_.size();
    return std::lexicographical_compare(a.limbs_.rbegin(), a.limbs_.rend(), b.limbs_.rbegin(),
                                        b.limbs_.rend());
  }

  /// Quotient and remainder, by long division. Precondition: `divisor` is not zero.
  std::pair<Natural, Natural> divided_by(const Natural& divisor) const {
    Natural quotient;
    Natural remainder;
    for (int i = bit_length(); i-- > 0;) {
      remainder = remainder.shifted_left(1) + Natural{bit(i) ? 1U : 0U};
      const bool fits = !(remainder < divisor);
      if (fits) remainder = remainder - divisor;
      quotient = quotient.shifted_left(1) + Natural{fits ? 1U : 0U};
    }
    return {quotient, remainder};
  }

 private:
  std::uint32_t limb(std::size_t index) const { return index < limbs_.size() ? limbs_[index] : 0; }
  void trim() {
    while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  }

  std::vector<std::uint32_t> limbs_;  ///< Least significant first, the last one not zero.
};

/// `±magnitude * 2^exponent`; a zero keeps its sign.
struct Exact {
  bool negative;
  Natural magnitude;
  int exponent;
};

/// The value of a finite double.
inline Exact exact(double value) {
  int exponent = 0;
  const double significand = std::ldexp(std::frexp(std::abs(value), &exponent), 53);
  return {std::signbit(value), Natural{static_cast<std::uint64_t>(significand)}, exponent - 53};
}

inline Exact operator*(const Exact& a, const Exact& b) {
  return {a.negative != b.negative, a.magnitude * b.magnitude, a.exponent + b.exponent};
}

/// The sum; an exact zero is negative only if both operands are, as in round-to-nearest.
inline Exact operator+(const Exact& a, const Exact& b) {
  const int exponent = std::min(a.exponent, b.exponent);
  const Natural x = a.magnitude.shifted_left(a.exponent - exponent);
  const Natural y = b.magnitude.shifted_left(b.exponent - exponent);
  if (a.negative == b.negative) return {a.negative, x + y, exponent};
  if (x < y) return {b.negative, y - x, exponent};
  return {y < x && a.negative, x - y, exponent};
}

/// A binary floating-point format whose values all fit double.
struct Format {
  int precision;         ///< Bits of the significand.
  int lowest_exponent;   ///< The least positive value is 2^lowest_exponent.
  int highest_exponent;  ///< Rounded magnitudes of 2^highest_exponent and more are infinite.
};

inline constexpr Format kF16{11, -24, 16};
inline constexpr Format kBf16{8, -133, 128};
inline constexpr Format kF32{24, -149, 128};
inline constexpr Format kF64{53, -1074, 1024};
/// Integers, for `rint`.
inline constexpr Format kInteger{53, 0, 53};

/// `value` rounded once, to nearest, ties to even.
inline double rounded(const Exact& value, const Format& format) {
  const int length = value.magnitude.bit_length();
  const int ulp = std::max(value.exponent + length - format.precision, format.lowest_exponent);
  Natural kept = value.magnitude;
  if (ulp <= value.exponent) {
    kept = kept.is_zero() ? kept : kept.shifted_left(value.exponent - ulp);
  } else {
    const int dropped = ulp - value.exponent;
    kept = value.magnitude.shifted_right(dropped);
    const bool half = value.magnitude.bit(dropped - 1);
    if (half && (value.magnitude.any_bit_below(dropped - 1) || kept.bit(0))) {
      kept = kept + Natural{1};
    }
  }
  // `kept` has at most 53 bits and is counted in representable steps: no rounding from here on.
  double result = std::ldexp(static_cast<double>(kept.to_integer()), ulp);
  if (result >= std::ldexp(1.0, format.highest_exponent)) result = HUGE_VAL;
  return value.negative ? -result : result;
}

/// `a / b` rounded once. Precondition: both finite, `b` not zero.
inline double rounded_quotient(const Exact& a, const Exact& b, const Format& format) {
  // The quotient gets two bits more than the precision, and one bit below them stands for the whole
  // remainder: it decides between a tie and more, and nothing else.
  const int shift =
      std::max(0, b.magnitude.bit_length() - a.magnitude.bit_length()) + format.precision + 3;
  const auto [quotient, remainder] = a.magnitude.shifted_left(shift).divided_by(b.magnitude);
  const Natural sticky{remainder.is_zero() ? 0U : 1U};
  return rounded({a.negative != b.negative, quotient.shifted_left(1) + sticky,
                  a.exponent - b.exponent - shift - 1},
                 format);
}

/// `a * b` rounded once. What is not finite follows IEEE 754, whose rules need no rounding.
inline double rounded_product(double a, double b, const Format& format) {
  if (!std::isfinite(a) || !std::isfinite(b)) return a * b;
  return rounded(exact(a) * exact(b), format);
}

/// `a * b + c` rounded once.
inline double rounded_fma(double a, double b, double c, const Format& format) {
  if (!std::isfinite(a) || !std::isfinite(b)) return a * b + c;
  if (!std::isfinite(c)) return c;
  return rounded(exact(a) * exact(b) + exact(c), format);
}

}  // namespace qlinear::oracle
