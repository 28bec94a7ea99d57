#pragma once

#include <runtime/cluster_occupancy.hpp>
#include <runtime/shared_memory.hpp>

#include <common/type_pairs.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace qlinear::kernels {

/// A consumer warp turns output elements from fragments into rows in this much shared memory.
inline constexpr int kWgmmaWarpStagingBytes = 2560;
/// With swap_ab that memory holds 16 elements of this many tokens.
template <class TIn>
inline constexpr int kWgmmaStagedTokens = sizeof(TIn) == 8 ? 16 : 32;

// A stage holds this many bytes of K, a row of the 128-byte swizzle.
inline constexpr int kWgmmaTileK = 128;

/// A block's tile of the wgmma GEMM. wgmma multiplies 64 "rows" by up to 256 "columns". With
/// `swap_ab` the weights are the rows and the tokens the columns; otherwise it is the
/// other way round.
struct WgmmaTile {
  const char* name;  ///< It ends in the tile's M x N.
  TypePairs types;
  bool swap_ab;
  int rows;     ///< Each consumer warpgroup multiplies 64 of them.
  int columns;  ///< wgmma calls their number N.
  int stages;
  int blocks_per_sm;
  /// Cluster size along M: those blocks share one multicast load of a weight tile.
  int cluster_m = 1;

  constexpr int consumers() const { return rows / 64; }
  constexpr int threads() const { return 128 * (consumers() + 1); }
  constexpr int tile_m() const { return swap_ab ? columns : rows; }
  constexpr int tile_n() const { return swap_ab ? rows : columns; }
  constexpr int row_bytes() const { return rows * kWgmmaTileK; }
  constexpr int column_bytes() const { return columns * kWgmmaTileK; }
  constexpr int stage_bytes() const { return row_bytes() + column_bytes(); }
  constexpr int pipeline_bytes() const { return stages * stage_bytes(); }
  /// Returns whether threads store their accumulators without staging, which pays where they are
  /// few.
  constexpr bool stores_directly() const { return swap_ab && columns <= 16; }
  /// Returns the types for which layers without epilogue options have a kernel of their own. On an
  /// H200 those of 17 MB take 2 to 7 % less with it; where tiles take longer nothing was gained.
  constexpr TypePairs plain_types() const { return swap_ab ? types & kCommonPairs : TypePairs{}; }
  /// Returns the bytes of the columns' scales and biases for a consumer warpgroup.
  constexpr int column_data_bytes() const { return columns * 2 * 8; }
  constexpr int staging_bytes() const {
    if (stores_directly()) return 0;
    return consumers() * (4 * kWgmmaWarpStagingBytes + column_data_bytes());
  }
  constexpr int accumulator_bytes() const { return rows * columns * 4; }
  /// Returns whether two blocks that split K send partial sums to memory that no load uses: to
  /// staging memory or, with direct stores, to memory for nothing else. Other tiles send them to
  /// the drained pipeline, and the later block of the two waits twice.
  constexpr bool sends_partial_sums_apart() const {
    return swap_ab && (stores_directly() ||
                       accumulator_bytes() / 2 <= consumers() * 4 * kWgmmaWarpStagingBytes);
  }
  /// Returns the bytes that direct-store tiles reserve for partial sums alone.
  constexpr int apart_bytes() const {
    return stores_directly() && sends_partial_sums_apart() ? accumulator_bytes() / 2 : 0;
  }
  /// Counts the pipeline, the consumers' staging, the partial sums, two barriers a stage and two of
  /// the cluster.
  constexpr std::size_t shared_bytes() const {
    const int bytes = pipeline_bytes() + staging_bytes() + apart_bytes() + (stages + 1) * 16;
    return static_cast<std::size_t>(bytes);
  }
  /// Returns whether tiles may take fewer weight rows than they hold, where full tiles fill no
  /// wave. With less than 64 rows a block would lose more than that gains, and with more columns
  /// tokens weigh as much as weights.
  constexpr bool spreads_weight_rows() const { return swap_ab && rows == 128 && columns <= 96; }
  /// Returns whether a block leaves 16384 registers of the SM to a quantize block, beside which it
  /// can then fill its pipeline. With more columns it would spill.
  constexpr bool leaves_registers(int element_bytes) const {
    const int most_columns = element_bytes == 2 ? 176 : element_bytes == 4 ? 144 : 128;
    return blocks_per_sm == 1 && columns <= most_columns;
  }
  /// Returns how many blocks of a cluster K may be split over: the pipeline holds the partial sums
  /// of all but one. Tiles without swap_ab won no problem of the benchmark with a split.
  constexpr int max_split_k() const {
    if (!swap_ab) return 1;
    const int blocks = pipeline_bytes() / accumulator_bytes() + 1;
    return blocks < kMaxClusterBlocks ? blocks : kMaxClusterBlocks;
  }
};

inline constexpr auto kWgmmaTiles = std::to_array<WgmmaTile>({
    // The largest tile that the registers hold reads 47 bytes a clock from the L2.
    {"wgmma_128x256", kEveryPair, false, 128, 256, 4, 1},
    // Multicast lowers that to 31 bytes, which takes less power: on an H200 up to 8 % less time
    // from M of about 1536 on, where power is the limit, and as much time below.
    {"wgmma_multicast_128x256", kCommonPairs, false, 128, 256, 4, 1, 2},
    // For M of 200 to 600, where the L2 limits the tiles below.
    {"wgmma_multicast_128x128", kEveryPair, false, 128, 128, 6, 1, 2},
    // For M of some hundreds, where 256 columns leave SMs without a tile: one of these widths
    // nearly fills a wave.
    {"wgmma_128x224", kCommonPairs, false, 128, 224, 4, 1},
    {"wgmma_128x192", kCommonPairs, false, 128, 192, 5, 1},
    {"wgmma_128x176", kCommonPairs, false, 128, 176, 5, 1},
    {"wgmma_128x160", kEveryPair, false, 128, 160, 5, 1},
    {"wgmma_128x144", kCommonPairs, false, 128, 144, 5, 1},
    {"wgmma_128x112", kCommonPairs, false, 128, 112, 6, 1},
    {"wgmma_128x96", kCommonPairs, false, 128, 96, 7, 1},
    // For decode. Weights are the rows, so that few tokens leave no part of the tensor core idle,
    // and the pipelines of two blocks per SM keep 192 KiB of weights in flight.
    {"wgmma_swapped_8x64", kEveryPair, true, 64, 8, 12, 2},
    {"wgmma_swapped_16x64", kEveryPair, true, 64, 16, 11, 2},
    // One block per SM has a pipeline as deep as that of two: where blocks are few, two of the
    // tiles above may meet on one SM and leave another idle. Some shared memory stays free for a
    // block of the next layer's quantize kernel; without, 32x64 took up to 10 % longer on an H200.
    // Tiles of 128 rows make few blocks: for 17 tokens of 4096 x 4096 24x128 takes 9 % less than
    // 32x64 on an H100.
    {"wgmma_swapped_deep_8x128", kCommonPairs, true, 128, 8, 13, 1},
    {"wgmma_swapped_deep_16x128", kCommonPairs, true, 128, 16, 12, 1},
    {"wgmma_swapped_deep_24x128", kCommonPairs, true, 128, 24, 10, 1},
    {"wgmma_swapped_deep_32x128", kCommonPairs, true, 128, 32, 9, 1},
    {"wgmma_swapped_deep_32x64", kEveryPair, true, 64, 32, 17, 1},
    // Narrow tiles store and sum fewer columns without a token: on an H100 80x64 takes up to 3 %
    // less than 96x64 for 65 to 80 tokens, and up to 4 % less for 129 to 160.
    {"wgmma_swapped_deep_64x64", kEveryPair, true, 64, 64, 13, 1},
    {"wgmma_swapped_deep_80x64", kCommonPairs, true, 64, 80, 11, 1},
    {"wgmma_swapped_deep_96x64", kCommonPairs, true, 64, 96, 10, 1},
    {"wgmma_swapped_deep_112x64", kCommonPairs, true, 64, 112, 9, 1},
    {"wgmma_swapped_deep_128x64", kEveryPair, true, 64, 128, 8, 1},
    // For the middle. One block takes as many tokens as there are, since weights are what is
    // streamed.
    {"wgmma_swapped_64x128", kCommonPairs, true, 128, 64, 8, 1},
    {"wgmma_swapped_96x128", kCommonPairs, true, 128, 96, 7, 1},
    {"wgmma_swapped_192x128", kCommonPairs, true, 128, 192, 5, 1},
});

inline constexpr std::size_t kWgmmaSharedBytes = 233472;  // An SM of sm_90 has 228 KiB.
/// A block that asks for this much has its SM to itself.
inline constexpr std::size_t kLoneBlockSharedBytes = kWgmmaSharedBytes / 2;

constexpr bool wgmma_tiles_fit() {
  for (const WgmmaTile& tile : kWgmmaTiles) {
    const auto blocks = static_cast<std::size_t>(tile.blocks_per_sm);
    if (blocks * (tile.shared_bytes() + kReservedSharedBytes) > kWgmmaSharedBytes) return false;
  }
  return true;
}
static_assert(wgmma_tiles_fit(), "a row that is too large would never be chosen, and not tested");

}  // namespace qlinear::kernels
