#pragma once

namespace qlinear::kernels {

inline constexpr int kMmaSyncStagedRows = 16;    // Of a warp at a time: those of a fragment.
inline constexpr int kMmaSyncStagedBytes = 128;  // Of such a row, at most.
/// Between rows: so that the next one begins four banks later.
inline constexpr int kMmaSyncStagedPitch = kMmaSyncStagedBytes + 16;

/// Shared memory of a warp that stores `warp_m` rows of `warp_n` columns: rows of elements, and the
/// scales and biases of columns and the scales of rows.
constexpr int mma_sync_staging_bytes(int warp_m, int warp_n) {
  constexpr int kMaxScaleBytes = 8;
  return kMmaSyncStagedRows * kMmaSyncStagedPitch + (warp_n * 2 + warp_m) * kMaxScaleBytes;
}

}  // namespace qlinear::kernels
