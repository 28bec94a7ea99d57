#pragma once

#include <common/element.cuh>
#include <ptx/rcp.cuh>
#include <qlinear/fusion.hpp>

// The contract's activation functions: each operation rounds once, to nearest even, and there is no
// table. The one approximate instruction starts a division that rounds right. kernels/README.md
// says how to add one.

namespace qlinear::kernels {

/// A polynomial by fma, its highest coefficient first.
template <int kTerms>
__device__ __forceinline__ float horner(float x, const float (&coefficients)[kTerms]) {
  float p = coefficients[0];
#pragma unroll
  for (int i = 1; i < kTerms; ++i) p = fma_rn(p, x, coefficients[i]);
  return p;
}

/// exp(x) to 0.91 ulp for x >= -87, below which it stays what it is there; infinity above 88. Not
/// for NaN.
__device__ __forceinline__ float exp_of(float x) {
  constexpr float kShift = 0x1.8p23f;
  const float c = fminf(fmaxf(x, -87.0f), 88.0f);
  const float t = fma_rn(c, 0x1.715476p+0f, kShift);
  const float n = add_rn(t, -kShift);
  float r = fma_rn(n, -0x1.62e4p-1f, c);
  r = fma_rn(n, -0x1.7f7d1cp-20f, r);
  const float p = horner(r, {0x1.6a23d0p-10f, 0x1.123a20p-7f, 0x1.5558f4p-5f, 0x1.555490p-3f,
                             0x1.fffffcp-2f, 1.0f, 1.0f});
  const float power = __uint_as_float(__float_as_uint(p) + (__float_as_uint(t) << 23));
  return x > 88.0f ? __uint_as_float(0x7f800000u) : power;
}

template <class C>
__device__ __forceinline__ C relu(C y) {
  return !(y <= C(0)) ? y : C(0);
}

/// y = RN(y / d) of all values. `divide_rn` may have to call a function, which it branches around,
/// so that elements would wait for each other. Here ordinary values take its other path, which
/// rounds right where no step overflows or loses bits, without the branch.
template <int kCount>
__device__ __forceinline__ void divide_all(float (&y)[kCount], const float (&d)[kCount]) {
  constexpr unsigned kLow = 0x21800000u;   // 2^-60
  constexpr unsigned kHigh = 0x5d800000u;  // 2^60
  bool ordinary = true;
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const unsigned magnitude = __float_as_uint(y[i]) & 0x7fffffffu;
    ordinary = ordinary && magnitude - kLow <= kHigh - kLow && __float_as_uint(d[i]) <= kHigh;
  }
  if (ordinary) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float approximate = ptx::rcp_approx(d[i]);
      const float reciprocal = fma_rn(approximate, fma_rn(-d[i], approximate, 1.0f), approximate);
      const float quotient = multiply_rn(y[i], reciprocal);
      y[i] = fma_rn(fma_rn(-d[i], quotient, y[i]), reciprocal, quotient);
    }
  } else {
#pragma unroll 1
    for (int i = 0; i < kCount; ++i) {
#pragma unroll
      for (int j = 0; j < kCount; ++j) {  // Registers have no address.
        if (j == i) y[j] = divide_rn(y[j], d[j]);
      }
    }
  }
}

/// The functions that are y times the sigmoid of z, RN(y / RN(1 + exp(-z))), of all values.
template <int kCount>
__device__ __forceinline__ void sigmoid_products(ActivationFunction function, float (&y)[kCount]) {
  float d[kCount];
  if (function == ActivationFunction::Silu) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) d[i] = -y[i];
  } else if (function == ActivationFunction::QuickGelu) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) d[i] = multiply_rn(-0x1.b3b646p+0f, y[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float square = multiply_rn(y[i], y[i]);
      d[i] = -multiply_rn(y[i], fma_rn(square, 0x1.2444f2p-4f, 0x1.988454p+0f));
    }
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) d[i] = add_rn(1.0f, exp_of(d[i]));
  divide_all(y, d);
}

__device__ __forceinline__ float gelu_erf(float y) {
  const float t = fminf(fabsf(y), 13.0f);
  const float s = multiply_rn(t, t);
  const float l = fma_rn(t, t, -s);
  const float u = divide_rn(0x1.b33334p+1f, add_rn(t, 0x1.b33334p+1f));
  const float p =
      horner(u, {0x1.456b06p-5f, -0x1.7e140ep-3f, 0x1.1ecf46p-2f, -0x1.02914ep-3f, 0x1.6013cap-3f,
                 0x1.5169dep-4f, 0x1.f2f3dcp-4f, 0x1.debde8p-4f, 0x1.4e9990p-16f});
  float e = exp_of(multiply_rn(-0.5f, s));
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

/// `act(y)`.
template <class C>
__device__ __forceinline__ C activate(ActivationFunction function, C y) {
  C values[1] = {y};
  activate_values(function, values);
  return values[0];
}

/// `T(act(C(y)))` of all elements.
template <class T, int kCount>
__device__ __forceinline__ void activate_elements(ActivationFunction function,
                                                  T (&elements)[kCount]) {
  if (function == ActivationFunction::None) return;
  scale_t<T> values[kCount];
#pragma unroll
  for (int i = 0; i < kCount; ++i) values[i] = Element<T>::to_compute(elements[i]);
  activate_values(function, values);
#pragma unroll
  for (int i = 0; i < kCount; ++i) elements[i] = Element<T>::from_compute(values[i]);
}

/// `T(RN(C(x) * C(y)))`.
template <class T>
__device__ __forceinline__ T multiply_elements(T x, T y) {
  using E = Element<T>;
  return E::from_compute(multiply_rn(E::to_compute(x), E::to_compute(y)));
}

}  // namespace qlinear::kernels
