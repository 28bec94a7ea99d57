#pragma once

#include <cstdint>

namespace qlinear::emulated_device {

// These inner loops of every matrix instruction run on arrays of known size, in which sanitizers
// would find nothing and cost most of the time. Elements are held in 16 bits, for which processors
// have an instruction.

/// Unpacks the four elements of a register.
template <bool kUnsigned>
__attribute__((no_sanitize("address", "undefined"))) inline void unpack(unsigned packed,
                                                                        std::int16_t* elements) {
  for (unsigned i = 0; i < 4; ++i) {
    const auto byte = static_cast<std::uint8_t>(packed >> (8 * i));
    elements[i] = kUnsigned ? byte : static_cast<std::int8_t>(byte);
  }
}

/// Returns the sum of products of elements, which an int32 holds.
template <unsigned kCount>
__attribute__((no_sanitize("address", "undefined"))) inline int dot(
    const std::int16_t (&a)[kCount], const std::int16_t (&b)[kCount]) {
  int sum = 0;
  for (unsigned i = 0; i < kCount; ++i) sum += a[i] * b[i];
  return sum;
}

/// Adds as the instructions accumulate: sums wrap.
inline int add_wrapping(int a, int b) {
  return static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b));
}

}  // namespace qlinear::emulated_device
