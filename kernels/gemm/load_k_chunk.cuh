#pragma once

#include <ptx/memory.cuh>

#include <cstdint>

namespace qlinear::kernels {

/// Loads bytes `first` to `first + 15` of a row of `k` bytes at any alignment, with zeros past the
/// row. Inside the row it reads five aligned words and shifts; at its ends it reads single bytes.
/// It never touches a byte outside of the row.
__device__ __forceinline__ uint4 load_k_chunk(const std::uint8_t* row, std::int64_t first,
                                              std::int64_t k) {
  if (first >= k) return make_uint4(0, 0, 0, 0);
  const std::uint8_t* source = row + first;
  const auto skew = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(source) % 4);
  const std::int64_t words_begin = first - skew;
  if (words_begin >= 0 && words_begin + 20 <= k) {
    const auto* word = reinterpret_cast<const unsigned*>(source - skew);
    unsigned w[5];
#pragma unroll
    for (int i = 0; i < 5; ++i) w[i] = ptx::ld_global(word + i);
    const unsigned selector = 0x3210u + skew * 0x1111u;
    return make_uint4(__byte_perm(w[0], w[1], selector), __byte_perm(w[1], w[2], selector),
                      __byte_perm(w[2], w[3], selector), __byte_perm(w[3], w[4], selector));
  }
  unsigned w[4] = {0, 0, 0, 0};
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    if (first + i < k) w[i / 4] |= unsigned{ptx::ld_global(source + i)} << (i % 4 * 8);
  }
  return make_uint4(w[0], w[1], w[2], w[3]);
}

}  // namespace qlinear::kernels
