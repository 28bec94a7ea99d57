#pragma once

#include <common/element.cuh>

namespace qlinear::kernels {

/// Says how a row is quantized: the rows "scale", "quantize" and "tiny rows" of the contract.
template <class C>
struct RowScale {
  C act_scale;  ///< The scale that is stored.
  C prescale;   ///< A power of two that keeps `inverse` finite; almost always 1.
  C inverse;    ///< RN(q_max / (amax * prescale)), 0 for a row of zeros.
  bool finite;  ///< False where the row holds a NaN or an infinity: q is then 0 throughout.
};

template <class C>
struct TinyRow;
template <>
struct TinyRow<float> {
  static constexpr float kPrescale = 18446744073709551616.0f;  // 2^64
  static __device__ bool overflowed(float x) { return __float_as_uint(x) == 0x7f800000u; }
  static __device__ float quiet_nan() { return __uint_as_float(0x7fc00000u); }
};
template <>
struct TinyRow<double> {
  static constexpr double kPrescale = 0x1p512;
  static __device__ bool overflowed(double x) {
    return __double_as_longlong(x) == 0x7ff0000000000000LL;
  }
  static __device__ double quiet_nan() { return __longlong_as_double(0x7ff8000000000000LL); }
};

/// Computes a row's scale. `magnitude` is its largest absolute value as `Element<TIn>::Magnitude`.
template <class TIn>
__device__ __forceinline__ auto row_scale(typename Element<TIn>::Magnitude magnitude, int q_max)
    -> RowScale<scale_t<TIn>> {
  using C = scale_t<TIn>;
  if (magnitude == 0) return {C(1), C(1), C(0), true};
  if (magnitude >= Element<TIn>::kInfinity) return {TinyRow<C>::quiet_nan(), C(1), C(0), false};
  const C amax = Element<TIn>::magnitude_to_compute(magnitude);
  const C top = int_to_compute_rn<C>(q_max);
  RowScale<C> scale{divide_rn(amax, top), C(1), divide_rn(top, amax), true};
  if (Element<TIn>::kHasTinyRows && TinyRow<C>::overflowed(scale.inverse)) {
    scale.prescale = TinyRow<C>::kPrescale;
    scale.inverse = divide_rn(top, multiply_rn(amax, scale.prescale));
  }
  return scale;
}

/// 1.5 * 2^23 (2^52): adding it leaves rint(x) in the low bits of the sum, ties to even, for |x|
/// below 2^22 (2^51). Conversion instructions run at a quarter of the rate.
__device__ __forceinline__ unsigned rint_low_bits(float x) {
  return __float_as_uint(add_rn(x, 12582912.0f));
}
__device__ __forceinline__ unsigned rint_low_bits(double x) {
  return static_cast<unsigned>(__double_as_longlong(add_rn(x, 6755399441055744.0)));
}

__device__ __forceinline__ float clamp(float x, float low, float high) {
  return fminf(fmaxf(x, low), high);
}
__device__ __forceinline__ double clamp(double x, double low, double high) {
  return fmin(fmax(x, low), high);
}

/// Returns q in the low byte; the upper bytes are arbitrary. Clamping to integers before rint gives
/// what clamping after it does.
template <class TIn, class C = scale_t<TIn>>
__device__ __forceinline__ unsigned quantize_element(TIn x, const RowScale<C>& scale, C q_min,
                                                     C q_max) {
  C value = Element<TIn>::to_compute(x);
  if (Element<TIn>::kHasTinyRows) value = multiply_rn(value, scale.prescale);
  return rint_low_bits(clamp(multiply_rn(value, scale.inverse), q_min, q_max));
}

}  // namespace qlinear::kernels
