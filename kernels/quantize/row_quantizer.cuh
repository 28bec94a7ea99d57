#pragma once

#include <quantize/fused_problem.hpp>
#include <quantize/row_chunk.cuh>
#include <quantize/row_scale.cuh>

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
  __device__ __forceinline__ void add(const RowRange& other) {
    high = max(high, other.high);
    minus_low = max(minus_low, other.minus_low);
  }
  __device__ bool finite() const { return max(high, minus_low) < kInfinity; }
};

/// How one row is quantized: the contract's scales.
template <class C>
class RowQuantizer {
 public:
  /// `range` is the row's own, `rho` its factor (1 without one).
  __device__ __forceinline__ RowQuantizer(const FusedQuantizeProblem& p, std::int64_t row,
                                          const RowRange<C>& range, bool has_rho, C rho)
      : low_(int_to_compute_rn<C>(p.rows.q_min)), high_(int_to_compute_rn<C>(p.rows.q_max)) {
    finite_ = range.finite() && (!has_rho || rho == rho);
    const ScaleKind kind = p.scale.kind;
    if (kind == ScaleKind::Static) {
      use_static(p, row, has_rho, rho);
    } else if (kind == ScaleKind::DynamicAsymmetric || kind == ScaleKind::GivenRangeAsymmetric) {
      C low = -RowRange<C>::value(range.minus_low);
      C high = RowRange<C>::value(range.high);
      if (kind == ScaleKind::GivenRangeAsymmetric) {
        low = given(p.scale.range_min, row);
        high = given(p.scale.range_max, row);
        low = low > C(0) ? C(0) : low;
        high = high < C(0) ? C(0) : high;
      }
      use_range(low, high, has_rho, rho);
    } else {
      C amax = RowRange<C>::value(max(range.high, range.minus_low));
      if (kind == ScaleKind::GivenRange)
        amax = RowRange<C>::magnitude(given(p.scale.range_max, row));
      use_maximum(amax, has_rho, rho);
    }
    if (!finite_) {
      act_scale_ = TinyRow<C>::quiet_nan();
      zero_point_ = 0;
    }
    shift_ = int_to_compute_rn<C>(zero_point_);
  }

  __device__ C act_scale() const { return act_scale_; }
  __device__ int zero_point() const { return zero_point_; }
  __device__ bool finite() const { return finite_; }

  /// Returns q of sixteen elements of h.
  __device__ __forceinline__ uint4 quantize(const C (&h)[kChunkElements]) const {
    const unsigned mask = finite_ ? ~0u : 0u;
    unsigned word[4];
#pragma unroll
    for (int w = 0; w < 4; ++w) {
      unsigned q[4];
#pragma unroll
      for (int e = 0; e < 4; ++e) q[e] = quantize(h[w * 4 + e]);
      word[w] = pack_low_bytes(q[0], q[1], q[2], q[3]) & mask;
    }
    return make_uint4(word[0], word[1], word[2], word[3]);
  }

 private:
  static __device__ C given(const void* values, std::int64_t row) {
    return ptx::ld_global(static_cast<const C*>(values) + row);
  }

  /// The bounds of q less the zero point are integers, so that clamping before rint and before the
  /// zero point is added gives what clamping after them does.
  __device__ __forceinline__ unsigned quantize(C h) const {
    const C scaled = divides_ ? divide_rn(multiply_rn(h, factor_), act_scale_)
                              : multiply_rn(multiply_rn(h, factor_), inverse_);
    return rint_low_bits(clamp(scaled, add_rn(low_, -shift_), add_rn(high_, -shift_))) +
           static_cast<unsigned>(zero_point_);
  }

  /// Scales by `steps` over `extent`, where `extent` is not negative.
  __device__ void use_extent(C extent, C steps, bool has_rho, C rho) {
    finite_ = finite_ && extent >= C(0) && RowRange<C>::finite(extent);
    if (extent == C(0)) return;
    act_scale_ = divide_rn(has_rho ? multiply_rn(extent, rho) : extent, steps);
    inverse_ = divide_rn(steps, extent);
    if (TinyRow<C>::overflowed(inverse_)) {
      factor_ = TinyRow<C>::kPrescale;
      inverse_ = divide_rn(steps, multiply_rn(extent, factor_));
    }
  }

  __device__ void use_maximum(C amax, bool has_rho, C rho) {
    use_extent(amax, high_, has_rho, rho);
  }

  __device__ void use_range(C low, C high, bool has_rho, C rho) {
    const C extent = add_rn(high, -low);
    use_extent(extent, add_rn(high_, -low_), has_rho, rho);
    if (extent == C(0) || !finite_) return;
    const C zero = add_rn(low_, -multiply_rn(multiply_rn(low, factor_), inverse_));
    zero_point_ = static_cast<signed char>(rint_low_bits(clamp(zero, low_, high_)));
  }

  __device__ void use_static(const FusedQuantizeProblem& p, std::int64_t row, bool has_rho, C rho) {
    divides_ = true;
    act_scale_ = given(p.scale.scale, row * p.scale.scale_step);
    finite_ = finite_ && act_scale_ > C(0) && RowRange<C>::finite(act_scale_);
    if (has_rho) factor_ = rho;
    if (p.scale.zero_point == nullptr) return;
    const int zero_point = ptx::ld_global(p.scale.zero_point + row * p.scale.zero_point_step);
    zero_point_ = min(max(zero_point, p.rows.q_min), p.rows.q_max);
  }

  C low_;
  C high_;
  C act_scale_ = C(1);
  C factor_ = C(1);  ///< A power of two that keeps `inverse_` finite; rho with a static scale.
  C inverse_ = C(0);
  C shift_ = C(0);
  int zero_point_ = 0;
  bool finite_ = true;
  bool divides_ = false;
};

}  // namespace qlinear::kernels
