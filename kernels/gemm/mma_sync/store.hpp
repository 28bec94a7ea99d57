#pragma once

namespace qlinear::kernels {

inline constexpr int kMmaSyncStagedRows = 16;  // A warp stages the rows of one fragment at a time.
inline constexpr int kMmaSyncStagedBytes = 128;  // It stages at most this much of a row.
/// The padding makes each row begin four banks after the one before.
inline constexpr int kMmaSyncStagedPitch = kMmaSyncStagedBytes + 16;

/// Returns the staging memory of a warp that stores `warp_m` rows of `warp_n` columns: rows of
/// elements, the columns' scales and biases, and the rows' scales.
constexpr int mma_sync_staging_bytes(int warp_m, int warp_n) {
  constexpr int kMaxScaleBytes = 8;
  return kMmaSyncStagedRows * kMmaSyncStagedPitch + (warp_n * 2 + warp_m) * kMaxScaleBytes;
}

}  // namespace qlinear::kernels
