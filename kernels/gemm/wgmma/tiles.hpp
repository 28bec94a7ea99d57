#pragma once

#include <runtime/cluster_occupancy.hpp>
#include <runtime/shared_memory.hpp>

#include <common/type_pairs.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace qlinear::kernels {

/// Shared memory of each consumer warp in which output elements change from fragments to rows, and
/// how many tokens of 16 elements fit there if the operands are swapped.
inline constexpr int kWgmmaWarpStagingBytes = 2560;
template <class TIn>
inline constexpr int kWgmmaStagedTokens = sizeof(TIn) == 8 ? 16 : 32;

inline constexpr int kWgmmaTileK = 128;  // Bytes of K in a stage: a row of the 128-byte swizzle.

/// A block's tile of the wgmma GEMM. wgmma multiplies 64 "rows" by up to 256 "columns"; `swapped`
/// says which operand is which: weights as rows and tokens as columns, or the other way round.
struct WgmmaTile {
  const char* name;  ///< Ends in the tile's M x N.
  TypePairs types;
  bool swapped;
  int rows;     ///< 64 for each consumer warpgroup.
  int columns;  ///< wgmma's N.
  int stages;
  int blocks_per_multiprocessor;
  int sharers = 1;  ///< Blocks of a cluster, next to each other along M, that load one tile of
                    ///< weights for all of them, by multicast.

  constexpr int consumers() const { return rows / 64; }
  constexpr int threads() const { return 128 * (consumers() + 1); }
  constexpr int tile_m() const { return swapped ? columns : rows; }
  constexpr int tile_n() const { return swapped ? rows : columns; }
  constexpr int row_bytes() const { return rows * kWgmmaTileK; }
  constexpr int column_bytes() const { return columns * kWgmmaTileK; }
  constexpr int stage_bytes() const { return row_bytes() + column_bytes(); }
  constexpr int ring_bytes() const { return stages * stage_bytes(); }
  /// Whether threads store the sums they hold, without staging: where they are few.
  constexpr bool stores_directly() const { return swapped && columns <= 16; }
  /// Scales and biases of the columns, for each consumer warpgroup.
  constexpr int column_data_bytes() const { return columns * 2 * 8; }
  constexpr int staging_bytes() const {
    if (stores_directly()) return 0;
    return consumers() * (4 * kWgmmaWarpStagingBytes + column_data_bytes());
  }
  constexpr int sum_bytes() const { return rows * columns * 4; }
  /// Whether two blocks that split K send their sums where nothing else is until these are stored:
  /// where the store stages its elements, or in memory of their own. Others send them to the ring
  /// once it has been drained, and the later block of the two waits twice.
  constexpr bool sends_sums_apart() const {
    return swapped &&
           (stores_directly() || sum_bytes() / 2 <= consumers() * 4 * kWgmmaWarpStagingBytes);
  }
  /// Of their own.
  constexpr int apart_bytes() const {
    return stores_directly() && sends_sums_apart() ? sum_bytes() / 2 : 0;
  }
  /// The ring, the consumers' memory for their stores, that of sums, two barriers a stage and two
  /// of the cluster.
  constexpr std::size_t shared_bytes() const {
    const int bytes = ring_bytes() + staging_bytes() + apart_bytes() + (stages + 1) * 16;
    return static_cast<std::size_t>(bytes);
  }
  /// Whether tiles take fewer weight rows than they hold where those fill no round of blocks. With
  /// less than 64 rows a block loses more than that gives; more tokens count as well as weights.
  constexpr bool spreads_weight_rows() const { return swapped && rows == 128 && columns <= 96; }
  /// Whether a block leaves 16384 registers of the multiprocessor, those of a block of the quantize
  /// kernel, beside which it can then fill its ring. With more columns than these it would spill.
  constexpr bool leaves_registers(int element_bytes) const {
    return blocks_per_multiprocessor == 1 && columns <= 192 - 8 * element_bytes;
  }
  /// Into how many blocks of a cluster K may be split: a ring holds the sums of all but one. Tiles
  /// that are not swapped were with a split the fastest of no problem of the benchmark.
  constexpr int max_split_k() const {
    if (!swapped) return 1;
    const int blocks = ring_bytes() / sum_bytes() + 1;
    return blocks < kMaxClusterBlocks ? blocks : kMaxClusterBlocks;
  }
};

inline constexpr std::array<WgmmaTile, 25> kWgmmaTiles{{
    // The largest tile that the registers hold: 47 bytes a clock from the L2,
    {"wgmma_128x256", kEveryPair, false, 128, 256, 4, 1},
    // or 31, which takes less power: on an H200 up to 8 % less time where that is what bounds, from
    // M of about 1536 on, and as much before.
    {"wgmma_multicast_128x256", kCommonPairs, false, 128, 256, 4, 1, 2},
    // M of 200 to 600, where the L2 bounds the tiles below.
    {"wgmma_multicast_128x128", kEveryPair, false, 128, 128, 6, 1, 2},
    // M of some hundreds, where 256 columns leave multiprocessors without a tile: the width for
    // which a wave is nearly full.
    {"wgmma_128x224", kCommonPairs, false, 128, 224, 4, 1},
    {"wgmma_128x192", kCommonPairs, false, 128, 192, 5, 1},
    {"wgmma_128x176", kCommonPairs, false, 128, 176, 5, 1},
    {"wgmma_128x160", kEveryPair, false, 128, 160, 5, 1},
    {"wgmma_128x144", kCommonPairs, false, 128, 144, 5, 1},
    {"wgmma_128x112", kCommonPairs, false, 128, 112, 6, 1},
    {"wgmma_128x96", kCommonPairs, false, 128, 96, 7, 1},
    // Decode: weights as rows, so that few tokens leave no part of the tensor core idle, and two
    // blocks a multiprocessor, whose rings keep 192 KiB of weights in flight.
    {"wgmma_swapped_8x64", kEveryPair, true, 64, 8, 12, 2},
    {"wgmma_swapped_16x64", kEveryPair, true, 64, 16, 11, 2},
    // One block a multiprocessor, its ring as deep as those of two: of few blocks, those above may
    // meet on one multiprocessor and leave another idle. Some shared memory is left for a block
    // of the next layer's quantize kernel: without, 32x64 took up to 10 % longer on an H200.
    // With 128 rows they are few: for 17 tokens of 4096 x 4096 24x128 takes 9 % less than 32x64 on
    // an H100.
    {"wgmma_swapped_deep_8x128", kCommonPairs, true, 128, 8, 13, 1},
    {"wgmma_swapped_deep_16x128", kCommonPairs, true, 128, 16, 12, 1},
    {"wgmma_swapped_deep_24x128", kCommonPairs, true, 128, 24, 10, 1},
    {"wgmma_swapped_deep_32x128", kCommonPairs, true, 128, 32, 9, 1},
    {"wgmma_swapped_deep_32x64", kEveryPair, true, 64, 32, 17, 1},
    // Columns without a token are stored and summed, too: for 65 to 80 tokens 80x64 takes up to 3 %
    // less than 96x64 on an H100, for 129 to 160 up to 4 %.
    {"wgmma_swapped_deep_64x64", kEveryPair, true, 64, 64, 13, 1},
    {"wgmma_swapped_deep_80x64", kCommonPairs, true, 64, 80, 11, 1},
    {"wgmma_swapped_deep_96x64", kCommonPairs, true, 64, 96, 10, 1},
    {"wgmma_swapped_deep_112x64", kCommonPairs, true, 64, 112, 9, 1},
    {"wgmma_swapped_deep_128x64", kEveryPair, true, 64, 128, 8, 1},
    // Middle: one block with as many tokens as there are, since weights are what is streamed.
    {"wgmma_swapped_64x128", kCommonPairs, true, 128, 64, 8, 1},
    {"wgmma_swapped_96x128", kCommonPairs, true, 128, 96, 7, 1},
    {"wgmma_swapped_192x128", kCommonPairs, true, 128, 192, 5, 1},
}};

inline constexpr std::size_t kWgmmaSharedBytes = 233472;  // Of a multiprocessor of sm_90: 228 KiB.
/// So much that a multiprocessor holds one block only.
inline constexpr std::size_t kLoneBlockSharedBytes = kWgmmaSharedBytes / 2;

constexpr bool wgmma_tiles_fit() {
  for (const WgmmaTile& tile : kWgmmaTiles) {
    const auto blocks = static_cast<std::size_t>(tile.blocks_per_multiprocessor);
    if (blocks * (tile.shared_bytes() + kReservedSharedBytes) > kWgmmaSharedBytes) return false;
  }
  return true;
}
static_assert(wgmma_tiles_fit(), "a row that is too large would never be chosen, and not tested");

}  // namespace qlinear::kernels
