#pragma once

#include <array>
#include <cstddef>

namespace qlinear::kernels {

/// What the blocks of a cluster share.
enum class ClusterUse {
  SplitK,            ///< An output tile: each sums a slice of K. Any size from 1 to 8.
  MulticastWeights,  ///< A tile of weights: two blocks, one below the other, load half of it each.
};

inline constexpr int kWgmmaTileK = 128;  // Bytes of K in a stage: one row of the 128-byte swizzle.
inline constexpr int kMaxClusterSplit = 8;  // The largest cluster that every sm_90 takes.

/// A block's tile of the wgmma GEMM. wgmma multiplies 64 "rows" by up to 256 "columns"; `swapped`
/// says which operand is which: weights as rows and tokens as columns, or the other way round.
struct WgmmaTile {
  const char* name;
  bool swapped;
  int rows;     ///< 64 for each consumer warpgroup.
  int columns;  ///< wgmma's N.
  int stages;
  int blocks_per_multiprocessor;
  ClusterUse cluster;

  constexpr int consumers() const { return rows / 64; }
  constexpr int threads() const { return 128 * (consumers() + 1); }
  constexpr int tile_m() const { return swapped ? columns : rows; }
  constexpr int tile_n() const { return swapped ? rows : columns; }
  constexpr int row_bytes() const { return rows * kWgmmaTileK; }
  constexpr int column_bytes() const { return columns * kWgmmaTileK; }
  constexpr int stage_bytes() const { return row_bytes() + column_bytes(); }
  /// The ring, then for each consumer warp a place to turn its sums, then two barriers a stage.
  constexpr int staging_bytes() const { return consumers() * 4 * 16 * (32 + 8) * 4; }
  constexpr std::size_t shared_bytes() const {
    return static_cast<std::size_t>(stages * (stage_bytes() + 16) + staging_bytes());
  }
};

// Decode and middle: weights as rows, so that few tokens leave no part of the tensor core idle, and
// as many bytes of weights in flight as shared memory takes.
inline constexpr std::array<WgmmaTile, 12> kWgmmaTiles{{
    {"wgmma_m64n8_128x8", true, 128, 8, 5, 2, ClusterUse::SplitK},
    {"wgmma_m64n16_128x16", true, 128, 16, 5, 2, ClusterUse::SplitK},
    {"wgmma_m64n16_64x16", true, 64, 16, 9, 2, ClusterUse::SplitK},
    {"wgmma_m64n24_128x24", true, 128, 24, 5, 2, ClusterUse::SplitK},
    {"wgmma_m64n32_128x32", true, 128, 32, 4, 2, ClusterUse::SplitK},
    {"wgmma_m64n48_128x48", true, 128, 48, 9, 1, ClusterUse::SplitK},
    {"wgmma_m64n64_128x64", true, 128, 64, 8, 1, ClusterUse::SplitK},
    {"wgmma_m64n96_128x96", true, 128, 96, 6, 1, ClusterUse::SplitK},
    {"wgmma_m64n128_128x128", true, 128, 128, 6, 1, ClusterUse::SplitK},
    {"wgmma_m64n192_128x192", true, 128, 192, 5, 1, ClusterUse::SplitK},
    {"wgmma_m64n256_128x256", true, 128, 256, 4, 1, ClusterUse::SplitK},
    // Prefill: 128 tokens by 256 weight rows, and every weight leaves the L2 once for two blocks.
    {"wgmma_m64n256_2x128x256", false, 128, 256, 4, 1, ClusterUse::MulticastWeights},
}};

}  // namespace qlinear::kernels
