#pragma once

#include <ptx/intrinsics.cuh>

#include <cstdint>
#include <type_traits>

namespace qlinear::ptx {

template <bool kUnsignedB>
__device__ __forceinline__ int dp4a(unsigned a, unsigned b, int c) {
  using ElementB = std::conditional_t<kUnsignedB, std::uint8_t, std::int8_t>;
  auto sum = static_cast<unsigned>(c);
  for (int i = 0; i < 4; ++i) {
    const int product =
        static_cast<std::int8_t>(a >> (8 * i)) * static_cast<ElementB>(b >> (8 * i));
    sum += static_cast<unsigned>(product);
  }
  return static_cast<int>(sum);
}

}  // namespace qlinear::ptx
