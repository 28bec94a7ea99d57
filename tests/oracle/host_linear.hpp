#pragma once

#include <qlinear/reference.hpp>

#include "exact_linear.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

/// Runs the CPU reference on a `LinearCase`: typed, padded buffers around it, doubles at both ends.
namespace qlinear::oracle {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Value of a 16-bit format with `exponent_bits`, read off its bits.
inline double decode(std::uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int largest = (1 << exponent_bits) - 1;
  const int biased = bits >> fraction_bits & largest;
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (biased == largest) return fraction != 0 ? kNan : sign * kInfinity;
  const int significand = biased == 0 ? fraction : fraction + (1 << fraction_bits);
  return sign * std::ldexp(significand, std::max(biased, 1) - largest / 2 - fraction_bits);
}

template <class T>
std::uint16_t bits_of(const T& value) {
  std::uint16_t bits = 0;
  static_assert(sizeof(value) == sizeof(bits));
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline double to_double(__half value) { return decode(bits_of(value), 5); }
inline double to_double(__nv_bfloat16 value) { return decode(bits_of(value), 8); }
inline double to_double(double value) { return value; }

/// Conversion of a value that T can hold.
template <class T, class Value>
T element(Value value) {
  return static_cast<T>(value);
}
template <>
inline __half element(double value) {
  return __float2half_rn(static_cast<float>(value));
}
template <>
inline __nv_bfloat16 element(double value) {
  return __float2bfloat16_rn(static_cast<float>(value));
}

template <class TIn>
inline constexpr Precision kPrecision{};
template <>
inline constexpr Precision kPrecision<__half>{kF16, kF32, 64};
template <>
inline constexpr Precision kPrecision<__nv_bfloat16>{kBf16, kF32, 64};
template <>
inline constexpr Precision kPrecision<float>{kF32, kF32, 64};
template <>
inline constexpr Precision kPrecision<double>{kF64, kF64, 512};

/// Fills padding and outputs; every element type can hold it.
inline constexpr double kPoison = 99;

/// A matrix with poison behind each row.
template <class T>
class PaddedMatrix {
 public:
  PaddedMatrix(std::int64_t rows, std::int64_t columns, std::int64_t padding)
      : shape_{rows, columns},
        stride_{columns + padding, 1},
        data_(static_cast<std::size_t>(rows * stride_[0]), element<T>(kPoison)) {}

  template <class Value>
  void fill(const std::vector<Value>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) data_[offset(i)] = element<T>(values[i]);
  }

  TensorRef<T, 2> ref() const { return {data_.data(), shape_, stride_}; }
  TensorMut<T, 2> mut() { return {data_.data(), shape_, stride_}; }

  template <class Value>
  std::vector<Value> values() const {
    std::vector<Value> result;
    for (std::size_t i = 0; i < static_cast<std::size_t>(shape_[0] * shape_[1]); ++i) {
      result.push_back(static_cast<Value>(to_double(data_[offset(i)])));
    }
    return result;
  }

  bool padding_is_untouched() const {
    for (std::size_t i = 0; i < data_.size(); ++i) {
      const bool is_padding = static_cast<std::int64_t>(i) % stride_[0] >= shape_[1];
      if (is_padding && to_double(data_[i]) != kPoison) return false;
    }
    return true;
  }

 private:
  std::size_t offset(std::size_t index) const {
    const auto columns = static_cast<std::size_t>(shape_[1]);
    return index / columns * static_cast<std::size_t>(stride_[0]) + index % columns;
  }

  std::array<std::int64_t, 2> shape_;
  std::array<std::int64_t, 2> stride_;
  std::vector<T> data_;
};

template <class T>
std::vector<T> elements(const std::vector<double>& values) {
  std::vector<T> result;
  for (const double value : values) result.push_back(element<T>(value));
  return result;
}

template <class T>
TensorRef<T, 1> ref(const std::vector<T>& values) {
  if (values.empty()) return {};
  return {values.data(), {static_cast<std::int64_t>(values.size())}, {1}};
}

/// Runs the reference with `padding` elements behind each row of each matrix.
template <class TIn, class TWQ>
LinearResult reference_linear(const LinearCase& problem, std::int64_t padding = 0) {
  const auto [m, c_out, k] = std::array{problem.m, problem.c_out, problem.k};
  PaddedMatrix<TIn> activation(m, k, padding);
  PaddedMatrix<TWQ> weight(c_out, k, padding);
  PaddedMatrix<TIn> output(m, c_out, padding);
  PaddedMatrix<S8> quantized(m, k, padding);
  activation.fill(problem.activation);
  weight.fill(problem.weight);
  const auto weight_scale = elements<scale_t<TIn>>(problem.weight_scale);
  const auto bias = elements<TIn>(problem.bias);
  std::vector<scale_t<TIn>> act_scale(static_cast<std::size_t>(m), kPoison);
  const Status status = reference::quantized_linear<TIn, TWQ>(
      {m, c_out, k, problem.q_min, problem.q_max, element_kind_v<TIn>, element_kind_v<TWQ>},
      {activation.ref(),
       weight.ref(),
       {weight_scale.data(), {c_out}, {1}},
       output.mut(),
       quantized.mut(),
       {act_scale.data(), {m}, {1}},
       ref(bias)});
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(output.padding_is_untouched());
  EXPECT_TRUE(quantized.padding_is_untouched());
  return {quantized.template values<int>(),
          {act_scale.begin(), act_scale.end()},
          output.template values<double>()};
}

/// Equal bits, where every NaN counts as the same.
inline bool same(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b && std::signbit(a) == std::signbit(b);
}

inline void expect_same(const char* what, const std::vector<double>& given,
                        const std::vector<double>& expected) {
  ASSERT_EQ(given.size(), expected.size()) << what;
  for (std::size_t i = 0; i < given.size(); ++i) {
    ASSERT_TRUE(same(given[i], expected[i]))
        << what << "[" << i << "] is " << given[i] << ", expected " << expected[i];
  }
}

inline void expect_same(const LinearResult& given, const LinearResult& expected) {
  EXPECT_EQ(given.quantized, expected.quantized);
  expect_same("act_scale", given.act_scale, expected.act_scale);
  expect_same("output", given.output, expected.output);
}

}  // namespace qlinear::oracle
