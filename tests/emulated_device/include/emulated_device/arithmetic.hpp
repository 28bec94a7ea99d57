#pragma once

#include <common/strict_floating_point.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>

// CUDA's arithmetic, conversion and bit intrinsics. All are compiled without contraction and with
// the host's rounding to nearest even, so that each function rounds once, as on a GPU.

namespace qlinear::emulated_device {

template <class To, class From>
To bits_as(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  std::memcpy(&result, &value, sizeof(result));
  return result;
}

/// cvt.rni.sat of PTX: out-of-range values saturate, and a NaN gives `nan`.
template <class To, class From>
To saturating_round(From value, To low, To high, To nan) {
  if (value != value) return nan;
  const From rounded = std::nearbyint(value);
  if (rounded <= static_cast<From>(low)) return low;
  if (rounded >= static_cast<From>(high)) return high;
  return static_cast<To>(rounded);
}

}  // namespace qlinear::emulated_device

// ---- Single and double precision, round to nearest even ----

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1.0F / a; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __drcp_rn(double a) { return 1.0 / a; }
inline double __dsqrt_rn(double a) { return std::sqrt(a); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }

// ---- Conversions ----

inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline float __uint2float_rn(unsigned a) { return static_cast<float>(a); }
inline double __int2double_rn(int a) { return a; }
inline double __uint2double_rn(unsigned a) { return a; }
inline float __double2float_rn(double a) { return static_cast<float>(a); }
inline float __ll2float_rn(long long a) { return static_cast<float>(a); }
inline double __ll2double_rn(long long a) { return static_cast<double>(a); }
inline int __float2int_rn(float a) {
  return qlinear::emulated_device::saturating_round<int>(a, INT32_MIN, INT32_MAX, 0);
}
inline int __double2int_rn(double a) {
  return qlinear::emulated_device::saturating_round<int>(a, INT32_MIN, INT32_MAX, INT32_MIN);
}
inline long long __float2ll_rn(float a) {
  return qlinear::emulated_device::saturating_round<long long>(a, INT64_MIN, INT64_MAX, INT64_MIN);
}
inline long long __double2ll_rn(double a) {
  return qlinear::emulated_device::saturating_round<long long>(a, INT64_MIN, INT64_MAX, INT64_MIN);
}

// ---- Bits ----

inline int __float_as_int(float a) { return qlinear::emulated_device::bits_as<int>(a); }
inline unsigned __float_as_uint(float a) { return qlinear::emulated_device::bits_as<unsigned>(a); }
inline float __int_as_float(int a) { return qlinear::emulated_device::bits_as<float>(a); }
inline float __uint_as_float(unsigned a) { return qlinear::emulated_device::bits_as<float>(a); }
inline long long __double_as_longlong(double a) {
  return qlinear::emulated_device::bits_as<long long>(a);
}
inline double __longlong_as_double(long long a) {
  return qlinear::emulated_device::bits_as<double>(a);
}
inline int __double2hiint(double a) { return static_cast<int>(__double_as_longlong(a) >> 32); }
inline int __double2loint(double a) { return static_cast<int>(__double_as_longlong(a)); }
inline double __hiloint2double(int high, int low) {
  const auto bits = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32) |
                    static_cast<std::uint32_t>(low);
  return qlinear::emulated_device::bits_as<double>(bits);
}

inline int __popc(unsigned a) { return __builtin_popcount(a); }
inline int __popcll(unsigned long long a) { return __builtin_popcountll(a); }
inline int __clz(int a) { return a == 0 ? 32 : __builtin_clz(static_cast<unsigned>(a)); }
inline int __clzll(long long a) {
  return a == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(a));
}
inline int __ffs(int a) { return __builtin_ffs(a); }
inline int __ffsll(long long a) { return __builtin_ffsll(a); }

inline unsigned __brev(unsigned a) {
  unsigned result = 0;
  for (int i = 0; i < 32; ++i, a >>= 1) result = (result << 1) | (a & 1U);
  return result;
}

/// Selects bytes: byte i of the result is the byte of {b, a} that the low three bits of nibble i of
/// `selector` name. This intrinsic does not reach the sign replication of prmt, as seen on sm_90.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const std::uint64_t bytes = (std::uint64_t{b} << 32) | a;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned index = (selector >> (4 * i)) & 7U;
    result |= (static_cast<unsigned>(bytes >> (8 * index)) & 0xFFU) << (8 * i);
  }
  return result;
}

inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  const std::uint64_t both = (std::uint64_t{high} << 32) | low;
  return static_cast<unsigned>((both << (shift & 31U)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  const std::uint64_t both = (std::uint64_t{high} << 32) | low;
  return static_cast<unsigned>(both >> (shift & 31U));
}

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((std::uint64_t{a} * b) >> 32);
}

// ---- Packed integers ----

inline unsigned __vmaxu2(unsigned a, unsigned b) {
  const unsigned low = (a & 0xFFFFU) > (b & 0xFFFFU) ? a & 0xFFFFU : b & 0xFFFFU;
  const unsigned high = (a >> 16) > (b >> 16) ? a >> 16 : b >> 16;
  return (high << 16) | low;
}

inline unsigned __vmaxs2(unsigned a, unsigned b) {
  constexpr unsigned kSigns = 0x80008000U;
  return __vmaxu2(a ^ kSigns, b ^ kSigns) ^ kSigns;
}

inline int __dp4a(int a, int b, int c) {
  auto sum = static_cast<unsigned>(c);
  for (int i = 0; i < 4; ++i) {
    const auto x = static_cast<std::int8_t>(static_cast<unsigned>(a) >> (8 * i));
    const auto y = static_cast<std::int8_t>(static_cast<unsigned>(b) >> (8 * i));
    sum += static_cast<unsigned>(x * y);
  }
  return static_cast<int>(sum);
}

inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 4; ++i) c += ((a >> (8 * i)) & 0xFFU) * ((b >> (8 * i)) & 0xFFU);
  return c;
}
