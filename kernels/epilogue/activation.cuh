#pragma once

#include <common/element.cuh>
#include <ptx/rcp.cuh>
#include <qlinear/fusion.hpp>

// The contract's activation functions: each operation rounds once, to nearest even, and there is no
// table. The one approximate instruction starts a division that rounds right. kernels/README.md
// says how to add one.

namespace qlinear::kernels {

/// Returns `values[index]`, by comparing: registers have no address.
template <class T, int kCount>
__device__ __forceinline__ T select_register(const T (&values)[kCount], int index) {
  T selected = values[0];
#pragma unroll
  for (int i = 1; i < kCount; ++i) {
    if (i == index) selected = values[i];
  }
  return selected;
}

/// A polynomial by fma, its highest coefficient first.
template <int kTerms>
__device__ __forceinline__ float horner(float x, const float (&coefficients)[kTerms]) {
  float p = coefficients[0];
#pragma unroll
  for (int i = 1; i < kTerms; ++i) p = fma_rn(p, x, coefficients[i]);
  return p;
}

/// exp(x) to 0.91 ulp for -87 <= x <= 88.
__device__ __forceinline__ float exp_within(float x) {
  constexpr float kShift = 0x1.8p23f;
  const float t = fma_rn(x, 0x1.715476p+0f, kShift);
  const float n = add_rn(t, -kShift);
  float r = fma_rn(n, -0x1.62e4p-1f, x);
  r = fma_rn(n, -0x1.7f7d1cp-20f, r);
  const float p = horner(r, {0x1.6a23d0p-10f, 0x1.123a20p-7f, 0x1.5558f4p-5f, 0x1.555490p-3f,
                             0x1.fffffcp-2f, 1.0f, 1.0f});
  return __uint_as_float(__float_as_uint(p) + (__float_as_uint(t) << 23));
}

/// The same for every x but NaN: below -87 it stays what it is there, above 88 it is infinity.
__device__ __forceinline__ float exp_of(float x) {
  const float power = exp_within(fminf(fmaxf(x, -87.0f), 88.0f));
  return x > 88.0f ? __uint_as_float(0x7f800000u) : power;
}

template <class C>
__device__ __forceinline__ C relu(C y) {
  return !(y <= C(0)) ? y : C(0);
}

/// RN(y / d) for d from 1 to 2^126 where the remainder of y is no subnormal number, or d is 2.
/// `divide_rn` may have to call a function, which it branches around, so that neighbouring elements
/// would wait for each other; these are the steps of its other path.
__device__ __forceinline__ float divide_within(float y, float d) {
  const float approximate = ptx::rcp_approx(d);
  const float reciprocal = fma_rn(approximate, fma_rn(-d, approximate, 1.0f), approximate);
  const float quotient = multiply_rn(y, reciprocal);
  const float excess = fma_rn(d, quotient, -y);  // Its sign is such that -0 / d stays -0.
  return fma_rn(-excess, reciprocal, quotient);
}

/// The functions that are y times the sigmoid of z, RN(y / RN(1 + exp(-z))), of all values.
template <int kCount>
__device__ __forceinline__ void sigmoid_products(ActivationFunction function, float (&y)[kCount]) {
  // Up to here exp needs no bounds and d is below 2^126; where d is not 2, y is at least 2^-26. A
  // NaN, which the maximum leaves out, stays NaN.
  constexpr float kOrdinary = 87.0f;
  float largest = 0.0f;
  float z[kCount];
  if (function == ActivationFunction::Silu) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) z[i] = y[i];
  } else if (function == ActivationFunction::QuickGelu) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) z[i] = multiply_rn(0x1.b3b646p+0f, y[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float square = multiply_rn(y[i], y[i]);
      z[i] = multiply_rn(y[i], fma_rn(square, 0x1.2444f2p-4f, 0x1.988454p+0f));
      // z grows like the cube of y, so that its ends are common: d is 1 there, or infinity, and z
      // may be any that gives the same.
      const bool finite = fabsf(y[i]) <= 0x1.fffffep+127f;
      const bool vanishes = finite && z[i] < -88.0f;
      y[i] = vanishes ? -0.0f : y[i];
      z[i] = vanishes ? 0.0f : z[i];
      z[i] = finite ? fminf(z[i], kOrdinary) : z[i];
    }
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) largest = fmaxf(largest, fabsf(z[i]));
  if (largest <= kOrdinary) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      y[i] = divide_within(y[i], add_rn(1.0f, exp_within(-z[i])));
    }
  } else {
#pragma unroll 1
    for (int i = 0; i < kCount; ++i) {
      const float value =
          divide_rn(select_register(y, i), add_rn(1.0f, exp_of(-select_register(z, i))));
#pragma unroll
      for (int j = 0; j < kCount; ++j) y[j] = j == i ? value : y[j];
    }
  }
}

__device__ __forceinline__ float gelu_erf(float y) {
  const float t = fminf(fabsf(y), 13.0f);
  const float s = multiply_rn(t, t);
  const float l = fma_rn(t, t, -s);
  const float u = divide_within(0x1.b33334p+1f, add_rn(t, 0x1.b33334p+1f));
  const float p =
      horner(u, {0x1.456b06p-5f, -0x1.7e140ep-3f, 0x1.1ecf46p-2f, -0x1.02914ep-3f, 0x1.6013cap-3f,
                 0x1.5169dep-4f, 0x1.f2f3dcp-4f, 0x1.debde8p-4f, 0x1.4e9990p-16f});
  float e = exp_within(multiply_rn(-0.5f, s));
  e = fma_rn(e, multiply_rn(-0.5f, l), e);
  return fma_rn(-t, multiply_rn(e, p), relu(y));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

/// act(y) of all values, for which the function is chosen once.
template <int kCount>
__device__ __forceinline__ void activate_values(ActivationFunction function, float (&y)[kCount]) {
  switch (function) {
    case ActivationFunction::None:
      return;
    case ActivationFunction::Relu:
#pragma unroll
      for (float& v : y) v = relu(v);
      return;
    case ActivationFunction::SquaredRelu:
#pragma unroll
      for (float& v : y) v = multiply_rn(relu(v), relu(v));
      return;
    case ActivationFunction::Silu:
    case ActivationFunction::QuickGelu:
    case ActivationFunction::GeluTanh:
      return sigmoid_products(function, y);
    case ActivationFunction::GeluErf:
#pragma unroll
      for (float& v : y) v = gelu_erf(v);
      return;
  }
}

/// `select` refuses the functions that f64 lacks: those that need exp, which there is in single
/// precision only.
template <int kCount>
__device__ __forceinline__ void activate_values(ActivationFunction function, double (&y)[kCount]) {
  switch (function) {
    case ActivationFunction::None:
      return;
    case ActivationFunction::Relu:
#pragma unroll
      for (double& v : y) v = relu(v);
      return;
    case ActivationFunction::SquaredRelu:
#pragma unroll
      for (double& v : y) v = multiply_rn(relu(v), relu(v));
      return;
    case ActivationFunction::Silu:
    case ActivationFunction::QuickGelu:
    case ActivationFunction::GeluTanh:
    case ActivationFunction::GeluErf:
      return;
  }
}

#pragma GCC diagnostic pop

/// The same four at a time, by one copy of the code: what took its turn goes to the end.
template <class C, int kCount>
__device__ __forceinline__ void activate_by_fours(ActivationFunction function, C (&y)[kCount]) {
  static_assert(kCount % 4 == 0);
#pragma unroll 1
  for (int i = 0; i < kCount; i += 4) {
    C four[4] = {y[0], y[1], y[2], y[3]};
    activate_values(function, four);
#pragma unroll
    for (int j = 0; j + 4 < kCount; ++j) y[j] = y[j + 4];
#pragma unroll
    for (int j = 0; j < 4; ++j) y[kCount - 4 + j] = four[j];
  }
}

/// `act(y)`.
template <class C>
__device__ __forceinline__ C activate(ActivationFunction function, C y) {
  C values[1] = {y};
  activate_values(function, values);
  return values[0];
}

}  // namespace qlinear::kernels
