#pragma once

#include <gemm/mma_sync/store.hpp>

#include <common/type_pairs.hpp>

#include <array>
#include <cstddef>

namespace qlinear::kernels {

inline constexpr int kMmaSyncTmaTileK =
    128;  // Bytes of K in a stage: a row of the 128-byte swizzle.
inline constexpr int kMmaSyncTmaStateBytes = 96;  // What the loader keeps in mind.

/// A block's tile of the mma.sync GEMM that TMA feeds.
struct MmaSyncTmaTile {
  const char* name;
  TypePairs types;
  int m;
  int n;
  int stages;
  int warps_m;
  int warps_n;
  double macs_per_clock;  ///< Of a multiprocessor, fitted to times on sm_90.

  constexpr int warps() const { return warps_m * warps_n; }
  constexpr int threads() const { return warps() * 32; }
  constexpr int stage_bytes() const { return (m + n) * kMmaSyncTmaTileK; }
  constexpr int ring_bytes() const { return stages * stage_bytes(); }
  constexpr int staging_bytes() const {
    return warps() * mma_sync_staging_bytes(m / warps_m, n / warps_n);
  }
  /// The ring, the warps' memory for their stores, two barriers a stage, the loader's state, and a
  /// word for the block and for each warp.
  constexpr std::size_t shared_bytes() const {
    const int words = 1 + warps();
    const int bytes =
        ring_bytes() + staging_bytes() + stages * 16 + kMmaSyncTmaStateBytes + words * 4;
    return static_cast<std::size_t>(bytes);
  }
};

// The tensor cores share the multiprocessor's 128 bytes a clock of shared memory with the copies
// that feed them, and cp.async's take more of them than TMA's.
inline constexpr std::array<MmaSyncTmaTile, 2> kMmaSyncTmaTiles{{
    // 96 x 64 a warp: 107 bytes from shared memory for 4096 multiply-adds, all that 255 registers
    // hold.
    {"mma_m16n8k32_tma_192x256", kCommonPairs, 192, 256, 3, 2, 4, 2440.0},
    // 64 x 64 a warp, 128 bytes; fills waves that the row above does not.
    {"mma_m16n8k32_tma_128x256", kCommonPairs, 128, 256, 3, 2, 4, 2310.0},
}};

constexpr bool mma_sync_tma_tiles_fit() {
  constexpr std::size_t kSharedBytes = 232448;  // Of a block of sm_90 (227 KiB).
  for (const MmaSyncTmaTile& tile : kMmaSyncTmaTiles) {
    if (tile.shared_bytes() > kSharedBytes) return false;
  }
  return true;
}
static_assert(mma_sync_tma_tiles_fit(), "a row that is too large could not even be forced");

}  // namespace qlinear::kernels
