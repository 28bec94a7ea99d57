#pragma once

#include <common/strict_floating_point.hpp>
#include <ptx/intrinsics.cuh>
#include <qlinear/types.hpp>

#include <cstdint>

// What kernels know of the activation types: the compute type C, conversions, and the order of
// magnitudes as unsigned integers (finite < infinity < NaN), which makes a maximum NaN-propagating
// at no cost.

namespace qlinear::kernels {

template <class TIn>
struct Element;

template <>
struct Element<__half> {
  using Magnitude = unsigned;
  static constexpr Magnitude kInfinity = 0x7c00;
  /// q_max / amax cannot overflow float for the smallest f16, 2^-24.
  static constexpr bool kHasTinyRows = false;
  static __device__ float to_compute(__half x) { return __half2float(x); }
  static __device__ __half from_compute(float y) { return __float2half_rn(y); }
  static __device__ __half2 pair_from_compute(float low, float high) {
    return __floats2half2_rn(low, high);
  }
  static __device__ float low_to_compute(unsigned pair) {
    return __half2float(__ushort_as_half(static_cast<unsigned short>(pair)));
  }
  static __device__ float high_to_compute(unsigned pair) {
    return __half2float(__ushort_as_half(static_cast<unsigned short>(pair >> 16)));
  }
  static __device__ float magnitude_to_compute(Magnitude bits) {
    return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
  }
};

template <>
struct Element<__nv_bfloat16> {
  using Magnitude = unsigned;
  static constexpr Magnitude kInfinity = 0x7f80;
  static constexpr bool kHasTinyRows = true;
  static __device__ float to_compute(__nv_bfloat16 x) { return __bfloat162float(x); }
  static __device__ __nv_bfloat16 from_compute(float y) { return __float2bfloat16_rn(y); }
  static __device__ __nv_bfloat162 pair_from_compute(float low, float high) {
    return __floats2bfloat162_rn(low, high);
  }
  static __device__ float low_to_compute(unsigned pair) { return __uint_as_float(pair << 16); }
  static __device__ float high_to_compute(unsigned pair) {
    return __uint_as_float(pair & 0xffff0000u);
  }
  static __device__ float magnitude_to_compute(Magnitude bits) {
    return __uint_as_float(bits << 16);
  }
};

template <>
struct Element<float> {
  using Magnitude = unsigned;
  static constexpr Magnitude kInfinity = 0x7f800000;
  static constexpr bool kHasTinyRows = true;
  static __device__ float to_compute(float x) { return x; }
  static __device__ float from_compute(float y) { return y; }
  static __device__ float magnitude_to_compute(Magnitude bits) { return __uint_as_float(bits); }
};

template <>
struct Element<double> {
  using Magnitude = unsigned long long;
  static constexpr Magnitude kInfinity = 0x7ff0000000000000ULL;
  static constexpr bool kHasTinyRows = true;
  static __device__ double to_compute(double x) { return x; }
  static __device__ double from_compute(double y) { return y; }
  static __device__ double magnitude_to_compute(Magnitude bits) {
    return __longlong_as_double(static_cast<long long>(bits));
  }
};

/// The contract's RN operations are spelled as intrinsics, so that no compiler contracts them.
__device__ __forceinline__ float multiply_rn(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double multiply_rn(double a, double b) { return __dmul_rn(a, b); }
__device__ __forceinline__ float add_rn(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ double add_rn(double a, double b) { return __dadd_rn(a, b); }
__device__ __forceinline__ float divide_rn(float a, float b) { return __fdiv_rn(a, b); }
__device__ __forceinline__ double divide_rn(double a, double b) { return __ddiv_rn(a, b); }
__device__ __forceinline__ float sqrt_rn(float a) { return __fsqrt_rn(a); }
__device__ __forceinline__ double sqrt_rn(double a) { return __dsqrt_rn(a); }
__device__ __forceinline__ float fma_rn(float a, float b, float c) { return __fmaf_rn(a, b, c); }
__device__ __forceinline__ double fma_rn(double a, double b, double c) { return __fma_rn(a, b, c); }

/// The bits of two elements of 16 bits, the first of them low.
template <class T>
__device__ __forceinline__ unsigned pair_bits(float low, float high) {
  union {
    decltype(Element<T>::pair_from_compute(0, 0)) pair;
    unsigned word;
  } bits;
  bits.pair = Element<T>::pair_from_compute(low, high);
  return bits.word;
}

/// T(y) of all values. Two are converted at a time, since one alone takes an instruction of an
/// eighth of the rate (F2F instead of F2FP on sm_90a).
template <class T, int kCount>
__device__ __forceinline__ void from_compute_all(const scale_t<T> (&values)[kCount],
                                                 T (&elements)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    if constexpr (sizeof(T) > 2) {
      elements[i] = Element<T>::from_compute(values[i]);
    } else if (i % 2 == 0) {
      const bool is_last = i + 1 == kCount;
      const auto pair =
          Element<T>::pair_from_compute(values[i], is_last ? 0.0f : values[is_last ? i : i + 1]);
      elements[i] = pair.x;
      if (!is_last) elements[i + 1] = pair.y;
    }
  }
}

/// `C(T(y))` of all values.
template <class T, int kCount>
__device__ __forceinline__ void round_all(scale_t<T> (&values)[kCount]) {
  if constexpr (sizeof(T) == 2) {
#pragma unroll
    for (int i = 0; i < kCount; i += 2) {
      const bool is_last = i + 1 == kCount;
      const unsigned pair = pair_bits<T>(values[i], is_last ? 0.0f : values[is_last ? i : i + 1]);
      values[i] = Element<T>::low_to_compute(pair);
      if (!is_last) values[i + 1] = Element<T>::high_to_compute(pair);
    }
  }
}

template <class C>
__device__ __forceinline__ C int_to_compute_rn(int x);
template <>
__device__ __forceinline__ float int_to_compute_rn<float>(int x) {
  return __int2float_rn(x);
}
template <>
__device__ __forceinline__ double int_to_compute_rn<double>(int x) {
  return __int2double_rn(x);
}

}  // namespace qlinear::kernels
