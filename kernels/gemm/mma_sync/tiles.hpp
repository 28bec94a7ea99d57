#pragma once

#include <common/type_pairs.hpp>

#include <array>
#include <cstddef>

namespace qlinear::kernels {

/// Names the instruction of the inner loop.
enum class MmaShape {
  M16N8K32,  ///< sm_80 and later.
  M8N8K16,   ///< sm_75 and later; four of them do a step of the other.
};

/// A block's tile of the mma.sync GEMM.
struct MmaSyncTile {
  const char* name;
  TypePairs types;
  int m;
  int n;
  int k;  ///< A stage holds this many bytes of K.
  int stages;
  int warps_m;
  int warps_n;
  int blocks_per_sm;   ///< The register budget allows for that many.
  bool any_alignment;  ///< It takes operands at any alignment, not only at 16 bytes.
  MmaShape shape;

  constexpr int warps() const { return warps_m * warps_n; }
  constexpr int threads() const { return warps() * 32; }
  constexpr int stage_bytes() const { return (m + n) * k; }
  constexpr std::size_t pipeline_bytes() const {
    return static_cast<std::size_t>(stages) * static_cast<std::size_t>(stage_bytes());
  }
};

// A warp tile of 64 x 64 lets ldmatrix feed the tensor cores: it reads 128 bytes of shared memory
// for 4096 multiply-adds. Smaller warp tiles are for problems that memory limits anyway.
inline constexpr auto kMmaSyncTiles = std::to_array<MmaSyncTile>({
    // For prefill where an SM has 192 KiB (sm_90, sm_100): two blocks hide each other's barriers
    // and epilogues, and stages of 128 bytes halve the barriers of the rows below.
    {"mma_m16n8k32_128x128x128", kCommonPairs, 128, 128, 128, 3, 2, 2, 2, false,
     MmaShape::M16N8K32},
    // It has the least traffic through shared memory, half the barriers of the next row, and one
    // block per SM: within a few percent of the row above in long main loops.
    {"mma_m16n8k32_128x256x128", kCommonPairs, 128, 256, 128, 3, 2, 4, 1, false,
     MmaShape::M16N8K32},
    // For prefill within the 99 KiB of sm_86, sm_89 and sm_120.
    {"mma_m16n8k32_128x256x64", kCommonPairs, 128, 256, 64, 4, 2, 4, 1, false, MmaShape::M16N8K32},
    // Two blocks fit on an SM of sm_80. It fills waves better.
    {"mma_m16n8k32_128x128x64", kEveryPair, 128, 128, 64, 4, 2, 2, 2, false, MmaShape::M16N8K32},
    // For M of 65 to some hundreds: these make enough tiles for all SMs.
    {"mma_m16n8k32_128x64x128", kCommonPairs, 128, 64, 128, 4, 2, 2, 2, false, MmaShape::M16N8K32},
    {"mma_m16n8k32_64x128x128", kCommonPairs, 64, 128, 128, 4, 2, 2, 2, false, MmaShape::M16N8K32},
    {"mma_m16n8k32_64x64x128", kEveryPair, 64, 64, 128, 4, 2, 2, 2, false, MmaShape::M16N8K32},
    // For decode: as few token rows as the instruction takes, and a deep pipeline of weights.
    {"mma_m16n8k32_32x64x256", kCommonPairs, 32, 64, 256, 4, 1, 4, 2, false, MmaShape::M16N8K32},
    {"mma_m16n8k32_16x64x256", kEveryPair, 16, 64, 256, 5, 1, 4, 2, false, MmaShape::M16N8K32},
    {"mma_m16n8k32_16x128x128", kCommonPairs, 16, 128, 128, 5, 1, 4, 2, false, MmaShape::M16N8K32},
    // For operands that cp.async cannot move in 16 bytes.
    {"mma_m16n8k32_128x128x64_any", kEveryPair, 128, 128, 64, 3, 2, 2, 2, true, MmaShape::M16N8K32},
    {"mma_m16n8k32_16x64x256_any", kEveryPair, 16, 64, 256, 3, 1, 4, 2, true, MmaShape::M16N8K32},
    // For Turing, with 64 KiB per SM and no cp.async.
    {"mma_m8n8k16_128x128x64", kEveryPair, 128, 128, 64, 2, 2, 4, 1, true, MmaShape::M8N8K16},
    {"mma_m8n8k16_16x64x128", kEveryPair, 16, 64, 128, 2, 1, 4, 2, true, MmaShape::M8N8K16},
});

constexpr bool mma_sync_tiles_fit() {
  constexpr std::size_t kTuringBytes = 65536;    // A block of sm_75 has at most 64 KiB,
  constexpr std::size_t kLargestBytes = 232448;  // and one of sm_90 and sm_100 227 KiB.
  for (const MmaSyncTile& tile : kMmaSyncTiles) {
    const bool turing = tile.shape == MmaShape::M8N8K16;
    if (tile.pipeline_bytes() > (turing ? kTuringBytes : kLargestBytes)) return false;
  }
  return true;
}
static_assert(mma_sync_tiles_fit(), "a row that is too large would run on no GPU");

}  // namespace qlinear::kernels
