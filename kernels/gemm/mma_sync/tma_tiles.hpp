#pragma once

#include <gemm/mma_sync/store.hpp>

#include <common/type_pairs.hpp>

#include <array>
#include <cstddef>

namespace qlinear::kernels {

inline constexpr int kMmaSyncTmaTileK =
    128;  // A stage holds this many bytes of K, a row of the 128-byte swizzle.
inline constexpr int kMmaSyncTmaStateBytes = 96;  // The loader's state takes at most this much.

/// A block's tile of the TMA-fed mma.sync GEMM.
struct MmaSyncTmaTile {
  const char* name;
  TypePairs types;
  int m;
  int n;
  int stages;
  int warps_m;
  int warps_n;

  constexpr int warps() const { return warps_m * warps_n; }
  constexpr int threads() const { return warps() * 32; }
  constexpr int stage_bytes() const { return (m + n) * kMmaSyncTmaTileK; }
  constexpr int pipeline_bytes() const { return stages * stage_bytes(); }
  constexpr int staging_bytes() const {
    return warps() * mma_sync_staging_bytes(m / warps_m, n / warps_n);
  }
  /// Counts the pipeline, the warps' staging, two barriers a stage, the loader's state, and a word
  /// for the block and for each warp.
  constexpr std::size_t shared_bytes() const {
    const int words = 1 + warps();
    const int bytes =
        pipeline_bytes() + staging_bytes() + stages * 16 + kMmaSyncTmaStateBytes + words * 4;
    return static_cast<std::size_t>(bytes);
  }
};

// The tensor cores share an SM's 128 bytes a clock of shared memory with the copies that feed them,
// and cp.async takes more of them than TMA.
inline constexpr auto kMmaSyncTmaTiles = std::to_array<MmaSyncTmaTile>({
    // A warp tile of 96 x 64 reads 107 bytes of shared memory for 4096 multiply-adds, and takes all
    // of 255 registers.
    {"mma_m16n8k32_tma_192x256", kCommonPairs, 192, 256, 3, 2, 4},
    // A warp tile of 64 x 64 reads 128 bytes. It fills waves that the row above does not.
    {"mma_m16n8k32_tma_128x256", kCommonPairs, 128, 256, 3, 2, 4},
});

constexpr bool mma_sync_tma_tiles_fit() {
  constexpr std::size_t kSharedBytes = 232448;  // A block of sm_90 has at most 227 KiB.
  for (const MmaSyncTmaTile& tile : kMmaSyncTmaTiles) {
    if (tile.shared_bytes() > kSharedBytes) return false;
  }
  return true;
}
static_assert(mma_sync_tma_tiles_fit(), "a row that is too large could not even be forced");

}  // namespace qlinear::kernels
