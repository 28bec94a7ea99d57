#pragma once

#include <array>
#include <cstddef>

namespace qlinear::kernels {

inline constexpr int kDp4aTileK = 64;
inline constexpr int kDp4aThreads = 256;

/// A block's tile of the dp4a GEMM. Its 256 threads form a 16 x 16 square, each with (m/16) x
/// (n/16) accumulators.
struct Dp4aTile {
  const char* name;
  int m;
  int n;

  /// Returns the words of one group of four k of `rows` rows in shared memory. The padding spreads
  /// the writes of a chunk's words over banks.
  static constexpr int pitch(int rows) { return rows + 4; }
  constexpr std::size_t shared_bytes() const {
    return static_cast<std::size_t>(kDp4aTileK) * static_cast<std::size_t>(pitch(m) + pitch(n));
  }
};

inline constexpr auto kDp4aTiles = std::to_array<Dp4aTile>({
    {"dp4a_128x128", 128, 128},  // For prefill: 16 dp4a for each 16-byte load from shared memory.
    {"dp4a_16x64", 16, 64},      // For decode and small N: a token row costs as little as it can.
});

constexpr bool dp4a_tiles_fit() {
  constexpr std::size_t kTuringBytes = 65536;  // A block of sm_75 has at most 64 KiB.
  for (const Dp4aTile& tile : kDp4aTiles) {
    if (tile.shared_bytes() > kTuringBytes) return false;
  }
  return true;
}
static_assert(dp4a_tiles_fit(), "a row that is too large would not run where it has to");

}  // namespace qlinear::kernels
