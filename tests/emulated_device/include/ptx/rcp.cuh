#pragma once

#include <bit>
#include <cstdint>

namespace qlinear::ptx {

/// One of the two floats around 1 / x, so that a kernel cannot rely on the nearer, but a power of
/// two only where it is exact, as on GPUs. For positive x.
inline float rcp_approx(float x) {
  const double exact = 1 / static_cast<double>(x);
  const auto nearer = std::bit_cast<std::uint32_t>(static_cast<float>(exact));
  const bool is_below = static_cast<double>(std::bit_cast<float>(nearer)) < exact;
  const std::uint32_t other = is_below ? nearer + 1 : nearer - 1;
  constexpr std::uint32_t kMantissa = 0x7fffff;
  const bool is_drawn = (nearer * 0x9e3779b9U >> 31) != 0;
  const bool takes_other = is_drawn && (nearer & kMantissa) != 0 && (other & kMantissa) != 0;
  return std::bit_cast<float>(takes_other ? other : nearer);
}

}  // namespace qlinear::ptx
