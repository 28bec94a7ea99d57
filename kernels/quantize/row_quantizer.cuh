#pragma once

#include <quantize/fused_problem.hpp>
#include <quantize/row_chunk.cuh>
#include <quantize/row_scale.cuh>

#include <limits>
#include <type_traits>

namespace qlinear::kernels {

/// The largest and the negated smallest element of a row, zero included, by their bits: as integers
/// these are ordered like the numbers, and a NaN of either sign is above infinity in one of them.
template <class C>
struct RowRange {
  using Bits = std::conditional_t<sizeof(C) == 8, long long, int>;
  static constexpr Bits kSign = std::numeric_limits<Bits>::min();

  Bits high = 0;
  Bits minus_low = 0;

  static __device__ __forceinline__ Bits bits(C value) {
    if constexpr (sizeof(C) == 8) {
      return __double_as_longlong(value);
    } else {
      return __float_as_int(value);
    }
  }
  static __device__ __forceinline__ C value(Bits bits) {
    if constexpr (sizeof(C) == 8) {
      return __longlong_as_double(bits);
    } else {
      return __int_as_float(bits);
    }
  }
  static __device__ C magnitude(C element) { return value(bits(element) & ~kSign); }
  static __device__ bool finite(C value) { return (bits(value) & ~kSign) < kInfinity; }
  static constexpr Bits kInfinity = static_cast<Bits>(Element<C>::kInfinity);

  __device__ __forceinline__ void add(C element) {
    high = max(high, bits(element));
    minus_low = max(minus_low, bits(element) ^ kSign);
  }
  __device__ bool finite() const { return max(high, minus_low) < kInfinity; }
};

/// The same of a thread's chunks of a 16-bit type, of which it compares two elements at a time.
template <class T>
class PairRange {
 public:
  __device__ __forceinline__ void add(const Chunk<T>& chunk) {
#pragma unroll
    for (const unsigned word : chunk.word) {
      high_ = __vmaxs2(high_, word);
      minus_low_ = __vmaxs2(minus_low_, word ^ 0x80008000u);
    }
  }

  __device__ __forceinline__ RowRange<float> range() const {
    return {larger_half(high_), larger_half(minus_low_)};
  }

 private:
  static __device__ __forceinline__ int larger_half(unsigned pair) {
    const unsigned magnitude = max(pair & 0xffffu, pair >> 16);
    return __float_as_int(Element<T>::magnitude_to_compute(magnitude));
  }

  unsigned high_ = 0;
  unsigned minus_low_ = 0;
};

/// How one row is quantized: the contract's scales.
template <class C>
class RowQuantizer {
 public:
  /// `range` is the row's own. `is_nan` where the row's factor is NaN. `factor` is the row's where
  /// a static scale needs it, and else 1.
  __device__ __forceinline__ RowQuantizer(const FusedQuantizeProblem& p, std::int64_t row,
                                          const RowRange<C>& range, bool is_nan, C factor)
      : low_(int_to_compute_rn<C>(p.rows.q_min)),
        high_(int_to_compute_rn<C>(p.rows.q_max)),
        finite_(range.finite() && !is_nan) {
    const ScaleKind kind = p.scale.kind;
    if (kind == ScaleKind::Static) {
      use_static(p, row, factor);
    } else if (kind == ScaleKind::DynamicAsymmetric || kind == ScaleKind::GivenRangeAsymmetric) {
      C low = -RowRange<C>::value(range.minus_low);
      C high = RowRange<C>::value(range.high);
      if (kind == ScaleKind::GivenRangeAsymmetric) {
        low = given(p.scale.range_min, row);
        high = given(p.scale.range_max, row);
        low = low > C(0) ? C(0) : low;
        high = high < C(0) ? C(0) : high;
      }
      use_range(low, high);
    } else {
      C amax = RowRange<C>::value(max(range.high, range.minus_low));
      if (kind == ScaleKind::GivenRange) {
        amax = RowRange<C>::magnitude(given(p.scale.range_max, row));
      }
      use_extent(amax, high_);
      within_ = kind == ScaleKind::Dynamic && low_ <= -high_;
    }
    if (!finite_) zero_point_ = 0;
    const C shift = int_to_compute_rn<C>(zero_point_);
    low_ = add_rn(low_, -shift);
    high_ = add_rn(high_, -shift);
  }

  /// The scale of a row without a factor.
  __device__ C act_scale() const { return act_scale_of(extent_); }
  /// The scale of a row with the factor `rho`, which dynamic quantization does not see.
  __device__ C act_scale(C rho) const { return act_scale_of(multiply_rn(extent_, rho)); }
  __device__ int zero_point() const { return zero_point_; }

  /// Returns q of sixteen elements of h.
  __device__ __forceinline__ uint4 quantize(const C (&h)[kChunkElements]) const {
    if (!finite_) return make_uint4(0, 0, 0, 0);
    unsigned q[kChunkElements];
    if (divides_ || factor_ != C(1)) {
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) q[e] = rounded(scaled_out_of_line(h[e]));
    } else if (within_) {
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) q[e] = rint_low_bits(multiply_rn(h[e], inverse_));
    } else {
#pragma unroll
      for (int e = 0; e < kChunkElements; ++e) q[e] = rounded(multiply_rn(h[e], inverse_));
    }
    return make_uint4(
        pack_low_bytes(q[0], q[1], q[2], q[3]), pack_low_bytes(q[4], q[5], q[6], q[7]),
        pack_low_bytes(q[8], q[9], q[10], q[11]), pack_low_bytes(q[12], q[13], q[14], q[15]));
  }

 private:
  static __device__ C given(const void* values, std::int64_t row) {
    return ptx::ld_global(static_cast<const C*>(values) + row);
  }

  /// With static scales and tiny rows, which are rare enough for a call.
  [[gnu::noinline]] static __device__ C scaled(C h, C factor, C by, bool divides) {
    const C value = multiply_rn(h, factor);
    return divides ? divide_rn(value, by) : multiply_rn(value, by);
  }
  __device__ C scaled_out_of_line(C h) const {
    return scaled(h, factor_, divides_ ? extent_ : inverse_, divides_);
  }

  /// The bounds of q less the zero point are integers, so that clamping before rint and before the
  /// zero point is added gives what clamping after them does.
  __device__ __forceinline__ unsigned rounded(C scaled) const {
    return rint_low_bits(clamp(scaled, low_, high_)) + static_cast<unsigned>(zero_point_);
  }

  __device__ C act_scale_of(C extent) const {
    if (!finite_) return TinyRow<C>::quiet_nan();
    if (divides_) return extent_;
    return extent_ == C(0) ? C(1) : divide_rn(extent, steps_);
  }

  /// Quantizes `extent`, which is not negative, in `steps`.
  __device__ void use_extent(C extent, C steps) {
    finite_ = finite_ && extent >= C(0) && RowRange<C>::finite(extent);
    extent_ = extent;
    steps_ = steps;
    if (extent == C(0)) return;
    inverse_ = divide_rn(steps, extent);
    if (TinyRow<C>::overflowed(inverse_)) {
      factor_ = TinyRow<C>::kPrescale;
      inverse_ = divide_rn(steps, multiply_rn(extent, factor_));
    }
  }

  __device__ void use_range(C low, C high) {
    const C extent = add_rn(high, -low);
    use_extent(extent, add_rn(high_, -low_));
    if (extent == C(0) || !finite_) return;
    const C zero = add_rn(low_, -multiply_rn(multiply_rn(low, factor_), inverse_));
    zero_point_ = static_cast<signed char>(rint_low_bits(clamp(zero, low_, high_)));
  }

  __device__ void use_static(const FusedQuantizeProblem& p, std::int64_t row, C factor) {
    divides_ = true;
    extent_ = given(p.scale.scale, row * p.scale.scale_step);
    finite_ = finite_ && extent_ > C(0) && RowRange<C>::finite(extent_);
    factor_ = factor;
    if (p.scale.zero_point == nullptr) return;
    const int zero_point = ptx::ld_global(p.scale.zero_point + row * p.scale.zero_point_step);
    zero_point_ = min(max(zero_point, p.rows.q_min), p.rows.q_max);
  }

  C low_;  ///< Of q less the zero point.
  C high_;
  C extent_ = C(0);  ///< The range that `steps_` divide, or a static scale.
  C steps_ = C(1);
  C factor_ = C(1);  ///< A power of two that keeps `inverse_` finite; rho with a static scale.
  C inverse_ = C(0);
  int zero_point_ = 0;
  bool finite_;
  bool divides_ = false;
  /// Whether q needs no bounds: by its own range an element is at most RN(RN(q_max / amax) * amax),
  /// which rounds to q_max.
  bool within_ = false;
};

}  // namespace qlinear::kernels
