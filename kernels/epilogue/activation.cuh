#pragma once

#include <common/element.cuh>
#include <qlinear/fusion.hpp>

// The contract's activation functions: each operation rounds once, to nearest even, and there is no
// table and no approximate instruction. kernels/README.md says how to add one.

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

/// RN(y / RN(1 + exp(-z))).
__device__ __forceinline__ float sigmoid_product(float y, float minus_z) {
  return divide_rn(y, add_rn(1.0f, exp_of(minus_z)));
}

template <class C>
__device__ __forceinline__ C relu(C y) {
  return !(y <= C(0)) ? y : C(0);
}

/// Returns -z for the functions that are y times the sigmoid of z. They differ in nothing else, and
/// exp and the division are most of their code.
__device__ __forceinline__ float sigmoid_argument(ActivationFunction function, float y) {
  if (function == ActivationFunction::Silu) return -y;
  if (function == ActivationFunction::QuickGelu) return multiply_rn(-0x1.b3b646p+0f, y);
  return -multiply_rn(y, fma_rn(multiply_rn(y, y), 0x1.2444f2p-4f, 0x1.988454p+0f));
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

/// Calls `apply(f)` with the function that `function` names; not at all for none.
template <class Apply>
__device__ __forceinline__ void with_activation(ActivationFunction function, float,
                                                const Apply& apply) {
  switch (function) {
    case ActivationFunction::None:
      return;
    case ActivationFunction::Relu:
      return apply([](float y) { return relu(y); });
    case ActivationFunction::SquaredRelu:
      return apply([](float y) { return multiply_rn(relu(y), relu(y)); });
    case ActivationFunction::Silu:
    case ActivationFunction::QuickGelu:
    case ActivationFunction::GeluTanh:
      return apply(
          [function](float y) { return sigmoid_product(y, sigmoid_argument(function, y)); });
    case ActivationFunction::GeluErf:
      return apply([](float y) { return gelu_erf(y); });
  }
}

/// `select` refuses the functions that f64 lacks: those that need exp, which there is in single
/// precision only.
template <class Apply>
__device__ __forceinline__ void with_activation(ActivationFunction function, double,
                                                const Apply& apply) {
  switch (function) {
    case ActivationFunction::None:
      return;
    case ActivationFunction::Relu:
      return apply([](double y) { return relu(y); });
    case ActivationFunction::SquaredRelu:
      return apply([](double y) { return multiply_rn(relu(y), relu(y)); });
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
  with_activation(function, y, [&](auto f) { y = f(y); });
  return y;
}

/// `T(act(C(y)))` of `kCount` elements, for which the function is chosen once.
template <class T, int kCount>
__device__ __forceinline__ void activate_elements(ActivationFunction function,
                                                  T (&elements)[kCount]) {
  with_activation(function, scale_t<T>{}, [&](auto f) {
#pragma unroll
    for (T& y : elements) y = Element<T>::from_compute(f(Element<T>::to_compute(y)));
  });
}

/// `T(RN(C(x) * C(y)))`.
template <class T>
__device__ __forceinline__ T multiply_elements(T x, T y) {
  using E = Element<T>;
  return E::from_compute(multiply_rn(E::to_compute(x), E::to_compute(y)));
}

}  // namespace qlinear::kernels
