#pragma once

#include <cmath>

// CUDA's min and max in the global namespace. Mixed operands need a conversion in the kernel:
// nvcc's rules for them are easy to get wrong.

inline constexpr int min(int a, int b) { return b < a ? b : a; }
inline constexpr int max(int a, int b) { return a < b ? b : a; }
inline constexpr unsigned min(unsigned a, unsigned b) { return b < a ? b : a; }
inline constexpr unsigned max(unsigned a, unsigned b) { return a < b ? b : a; }
inline constexpr long min(long a, long b) { return b < a ? b : a; }
inline constexpr long max(long a, long b) { return a < b ? b : a; }
inline constexpr unsigned long min(unsigned long a, unsigned long b) { return b < a ? b : a; }
inline constexpr unsigned long max(unsigned long a, unsigned long b) { return a < b ? b : a; }
inline constexpr long long min(long long a, long long b) { return b < a ? b : a; }
inline constexpr long long max(long long a, long long b) { return a < b ? b : a; }
inline constexpr unsigned long long min(unsigned long long a, unsigned long long b) {
  return b < a ? b : a;
}
inline constexpr unsigned long long max(unsigned long long a, unsigned long long b) {
  return a < b ? b : a;
}
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }
