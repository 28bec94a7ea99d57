#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

// Values, bits and names of the element types that tests hold in host memory.

namespace qlinear::test {

template <class T>
double to_double(T value) {
  if constexpr (std::is_same_v<T, __half>) {
    return static_cast<double>(__half2float(value));
  } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    return static_cast<double>(__bfloat162float(value));
  } else {
    return static_cast<double>(value);
  }
}

/// Nearest `T`; an integer `T` must be able to hold the value.
template <class T>
T from_double(double value) {
  if constexpr (std::is_same_v<T, __half>) {
    return __double2half(value);
  } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    return __double2bfloat16(value);
  } else {
    return static_cast<T>(value);
  }
}

template <std::size_t kBytes>
using UnsignedOfSize = std::conditional_t<
    kBytes == 1, std::uint8_t,
    std::conditional_t<kBytes == 2, std::uint16_t,
                       std::conditional_t<kBytes == 4, std::uint32_t, std::uint64_t>>>;

template <class T>
UnsignedOfSize<sizeof(T)> bits_of(T value) {
  UnsignedOfSize<sizeof(T)> bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

template <class T>
bool is_nan(T value) {
  return std::isnan(to_double(value));
}

/// Equal bits, or both a NaN: the payload of a NaN is no part of the contract.
template <class T>
bool same_bits(T a, T b) {
  return bits_of(a) == bits_of(b) || (is_nan(a) && is_nan(b));
}

/// "0x3c00 (1)"
template <class T>
std::string format_element(T value) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "0x%0*llx (%.17g)", static_cast<int>(2 * sizeof(T)),
                static_cast<unsigned long long>(bits_of(value)), to_double(value));
  return text.data();
}

/// Limits of a floating-point element type, as doubles.
struct FloatLimits {
  double largest;
  double smallest_normal;
  double smallest;  ///< The smallest subnormal.
};

template <class T>
constexpr FloatLimits float_limits() {
  if constexpr (std::is_same_v<T, __half>) {
    return {65504.0, 0x1p-14, 0x1p-24};
  } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    return {0x1.fep127, 0x1p-126, 0x1p-133};
  } else {
    using Limits = std::numeric_limits<T>;
    return {Limits::max(), Limits::min(), Limits::denorm_min()};
  }
}

}  // namespace qlinear::test
