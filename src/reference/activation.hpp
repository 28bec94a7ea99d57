#pragma once

#include <qlinear/fusion.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

// Activation functions, operation by operation: every expression rounds once. A NaN gives a NaN.

namespace qlinear::reference::steps {

/// The polynomial of `coefficients`, highest power first.
template <class... Coefficients>
float horner(float x, float highest, Coefficients... coefficients) {
  float p = highest;
  ((p = std::fma(p, x, coefficients)), ...);
  return p;
}

/// Within 0.91 ulp of the exponential function from -87 on, exp(-87) below, infinity above 88. Not
/// for NaN.
inline float exponential(float x) {
  const float c = std::fmin(std::fmax(x, -87.0F), 88.0F);
  const float t = std::fma(c, 0x1.715476p+0F, 0x1.8p23F);
  const float n = t - 0x1.8p23F;
  float r = std::fma(n, -0x1.62e4p-1F, c);
  r = std::fma(n, -0x1.7f7d1cp-20F, r);
  const float p = horner(r, 0x1.6a23d0p-10F, 0x1.123a20p-7F, 0x1.5558f4p-5F, 0x1.555490p-3F,
                         0x1.fffffcp-2F, 1.0F, 1.0F);
  if (x > 88.0F) return std::numeric_limits<float>::infinity();
  const std::uint32_t exponent = std::bit_cast<std::uint32_t>(t) << 23;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + exponent);
}

template <class C>
C relu(C y) {
  return !(y <= 0) ? y : C{0};
}

/// `y / (1 + exp(x))`, the common end of three functions.
inline float sigmoid_product(float y, float x) { return y / (1.0F + exponential(x)); }

inline float silu(float y) { return sigmoid_product(y, -y); }

inline float quick_gelu(float y) { return sigmoid_product(y, -0x1.b3b646p+0F * y); }

inline float gelu_tanh(float y) {
  const float square = y * y;
  const float z = y * std::fma(square, 0x1.2444f2p-4F, 0x1.988454p+0F);
  return sigmoid_product(y, -z);
}

/// `max(y, 0) - |y| Q(|y|)`, where Q is the tail of the normal distribution.
inline float gelu_erf(float y) {
  const float t = std::fmin(std::abs(y), 13.0F);
  const float s = t * t;
  const float l = std::fma(t, t, -s);
  const float u = 0x1.b33334p+1F / (t + 0x1.b33334p+1F);
  const float p =
      horner(u, 0x1.456b06p-5F, -0x1.7e140ep-3F, 0x1.1ecf46p-2F, -0x1.02914ep-3F, 0x1.6013cap-3F,
             0x1.5169dep-4F, 0x1.f2f3dcp-4F, 0x1.debde8p-4F, 0x1.4e9990p-16F);
  const float rounded_tail = exponential(-0.5F * s);
  const float tail = std::fma(rounded_tail, -0.5F * l, rounded_tail);
  const float q = tail * p;
  return std::fma(-t, q, relu(y));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

inline float activate(ActivationFunction function, float y) {
  switch (function) {
    case ActivationFunction::None:
      return y;
    case ActivationFunction::Relu:
      return relu(y);
    case ActivationFunction::SquaredRelu:
      return relu(y) * relu(y);
    case ActivationFunction::Silu:
      return silu(y);
    case ActivationFunction::QuickGelu:
      return quick_gelu(y);
    case ActivationFunction::GeluTanh:
      return gelu_tanh(y);
    case ActivationFunction::GeluErf:
      return gelu_erf(y);
  }
  return y;
}

/// Precondition: f64 has `function`, by base/enumerators.hpp.
inline double activate(ActivationFunction function, double y) {
  switch (function) {
    case ActivationFunction::None:
      return y;
    case ActivationFunction::Relu:
      return relu(y);
    case ActivationFunction::SquaredRelu:
      return relu(y) * relu(y);
    case ActivationFunction::Silu:
    case ActivationFunction::QuickGelu:
    case ActivationFunction::GeluTanh:
    case ActivationFunction::GeluErf:
      break;
  }
  return y;
}

#pragma GCC diagnostic pop

}  // namespace qlinear::reference::steps
