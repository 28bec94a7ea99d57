#pragma once

#include <cstdint>

namespace qlinear::emulated_device {

/// The inner loop of every matrix instruction: the sum of products of elements of 8 bits, which no
/// int32 can fail to hold. They come in 16 bits, for which processors have an instruction, and
/// are arrays of a known size: sanitizers would find nothing here and cost most of the time.
template <unsigned kCount>
__attribute__((no_sanitize("address", "undefined"))) inline int dot(
    const std::int16_t (&a)[kCount], const std::int16_t (&b)[kCount]) {
  int sum = 0;
  for (unsigned i = 0; i < kCount; ++i) sum += a[i] * b[i];
  return sum;
}

/// How the instructions accumulate.
inline int add_wrapping(int a, int b) {
  return static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b));
}

}  // namespace qlinear::emulated_device
