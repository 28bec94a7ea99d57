// The activation functions of single precision against double precision.
//   QLINEAR_EVERY_FLOAT=1 activation_test    asks every float, which takes minutes, and prints the
//                                            largest errors

#include <reference/activation.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <ostream>

namespace qlinear::test {
namespace {

namespace steps = reference::steps;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The distance between the floats next to `value`.
double ulp(double value) { return std::ldexp(1.0, std::max(std::ilogb(value), -126) - 23); }

// Outside a few binades around one, where they need no exponential function: there the next term of
// the series lies below the precision of a double, or the exponential function does.
bool is_tiny(double y) { return std::abs(y) < 0x1p-26; }

double exact_exponential(double x) { return is_tiny(x) ? 1 + x : std::exp(x); }

double exact_sigmoid_product(double y, double x) {
  if (is_tiny(x)) return y * (0.5 - x / 4);
  return x > 1000 ? 0 : (x < -100 ? y : y / (1 + std::exp(x)));
}

double exact_silu(double y) { return exact_sigmoid_product(y, -y); }

double exact_quick_gelu(double y) { return exact_sigmoid_product(y, -1.702 * y); }

double exact_gelu_tanh(double y) {
  if (std::abs(y) > 100) return std::max(y, 0.0);
  const double root = std::sqrt(2 / M_PI);
  return exact_sigmoid_product(y, -2 * root * (y + 0.044715 * y * y * y));
}

double exact_gelu_erf(double y) {
  if (is_tiny(y)) return y / 2 + y * y / std::sqrt(2 * M_PI);
  return std::abs(y) > 100 ? std::max(y, 0.0) : y / 2 * std::erfc(-y / std::sqrt(2.0));
}

/// One function, and the errors that the contract states.
struct Claim {
  const char* name;
  float (*computed)(float);
  double (*exact)(double);
  double lowest;   ///< From here on `ulps` holds,
  double highest;  ///< and up to here.
  double ulps;
  double absolute;  ///< Holds where the magnitude of the result is at most 8.
  double below;     ///< Holds below `lowest`.
};

void PrintTo(const Claim& claim, std::ostream* stream) { *stream << claim.name; }

const std::array kClaims = {
    Claim{"exponential", &steps::exponential, &exact_exponential, -87, 88, 0.91, 3.7e-7, 1.7e-38},
    Claim{"silu", &steps::silu, &exact_silu, -88, kInfinity, 2.4, 7.2e-7, 1e-36},
    Claim{"quick_gelu", &steps::quick_gelu, &exact_quick_gelu, -1, kInfinity, 2.1, 7e-7, 4e-8},
    Claim{"gelu_tanh", &steps::gelu_tanh, &exact_gelu_tanh, -1, kInfinity, 2.61, 5.2e-7, 4.7e-8},
    Claim{"gelu_erf", &steps::gelu_erf, &exact_gelu_erf, -13, kInfinity, 7.3, 2.4e-7, 1e-36},
};

struct Errors {
  double ulps = 0;  ///< From `lowest` on.
  float ulps_at = 0;
  double absolute = 0;  ///< At any argument whose result is at most 8.
  float absolute_at = 0;
  double below = 0;  ///< Below `lowest`.
};

Errors errors_of(const Claim& claim, std::uint32_t step) {
  Errors errors;
  std::uint32_t bits = 0;
  do {
    const auto y = std::bit_cast<float>(bits);
    bits += step;
    if (!std::isfinite(y) || double{y} > claim.highest) continue;
    const double exact = claim.exact(y);
    const double error = std::abs(double{claim.computed(y)} - exact);
    if (double{y} < claim.lowest) {
      errors.below = std::max(errors.below, error);
    } else if (const double ulps = error / ulp(exact); ulps > errors.ulps) {
      errors.ulps = ulps;
      errors.ulps_at = y;
    }
    if (std::abs(exact) <= 8 && error > errors.absolute) {
      errors.absolute = error;
      errors.absolute_at = y;
    }
  } while (bits >= step);
  return errors;
}

class ActivationErrors : public ::testing::TestWithParam<Claim> {};

TEST_P(ActivationErrors, StayWithinTheContract) {
  const Claim& claim = GetParam();
  const bool every = std::getenv("QLINEAR_EVERY_FLOAT") != nullptr;
  const Errors errors = errors_of(claim, every ? 1 : 4099);
  if (every) {
    std::cout << claim.name << ": " << errors.ulps << " ulp at " << std::hexfloat << errors.ulps_at
              << std::defaultfloat << ", " << errors.absolute << " at " << std::hexfloat
              << errors.absolute_at << std::defaultfloat << ", below the range " << errors.below
              << std::endl;
  }
  EXPECT_LE(errors.ulps, claim.ulps);
  EXPECT_LE(errors.absolute, claim.absolute);
  EXPECT_LE(errors.below, claim.below);
}

INSTANTIATE_TEST_SUITE_P(, ActivationErrors, ::testing::ValuesIn(kClaims),
                         [](const auto& claims) { return claims.param.name; });

}  // namespace
}  // namespace qlinear::test
