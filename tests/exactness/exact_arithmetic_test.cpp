#include "oracle/exact_arithmetic.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

// The oracle of the reference's tests against the processor and against values known by heart.

namespace qlinear::oracle {
namespace {

/// Equal bits; a NaN does not occur here.
bool same(double a, double b) { return a == b && std::signbit(a) == std::signbit(b); }

template <class T, class Bits>
T from_bits(Bits bits) {
  T value{};
  static_assert(sizeof(value) == sizeof(bits));
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// The oracle's rounding against the processor's, on operands of every magnitude.
template <class T, class Bits>
void expect_oracle_agrees_with_the_processor(const Format& format) {
  std::mt19937_64 engine(7);
  const auto finite = [&engine] {
    for (;;) {
      const T value = from_bits<T>(static_cast<Bits>(engine()));
      if (std::isfinite(value) && value != 0) return value;
    }
  };
  for (int i = 0; i < 2000; ++i) {
    const T a = finite();
    const T b = finite();
    const T near = a * b * std::ldexp(T{1}, static_cast<int>(engine() % 60) - 30);
    const T c = std::isfinite(near) ? near : finite();
    EXPECT_TRUE(same(a * b, rounded_product(a, b, format))) << a << " * " << b;
    EXPECT_TRUE(same(a / b, rounded_quotient(exact(a), exact(b), format))) << a << " / " << b;
    EXPECT_TRUE(same(std::fma(a, b, -c), rounded_fma(a, b, -c, format))) << a << " * " << b;
  }
}

TEST(ExactArithmetic, AgreesWithTheProcessor) {
  expect_oracle_agrees_with_the_processor<float, std::uint32_t>(kF32);
  expect_oracle_agrees_with_the_processor<double, std::uint64_t>(kF64);
}

TEST(ExactArithmetic, RoundsTiesToEvenAndOverflowsToInfinity) {
  EXPECT_EQ(rounded(exact(2049), kF16), 2048);
  EXPECT_EQ(rounded(exact(2051), kF16), 2052);
  EXPECT_EQ(rounded(exact(0x1p-25), kF16), 0);
  EXPECT_EQ(rounded(exact(0x1.8p-24), kF16), 0x1p-23);
  EXPECT_EQ(rounded(exact(65519.99), kF16), 65504);
  EXPECT_EQ(rounded(exact(65520), kF16), HUGE_VAL);
  EXPECT_EQ(rounded(exact(257), kBf16), 256);
  EXPECT_EQ(rounded(exact(-2.5), kInteger), -2);
  EXPECT_EQ(rounded(exact(-3.5), kInteger), -4);
}

}  // namespace
}  // namespace qlinear::oracle
