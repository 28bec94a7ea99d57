#pragma once

#include <common/type_pairs.hpp>

#include <array>
#include <cstddef>

namespace qlinear::kernels {

/// The instruction of the inner loop.
enum class MmaShape {
  M16N8K32,  ///< sm_80 and later.
  M8N8K16,   ///< sm_75 and later, four to a step of the other.
};

/// A block's tile of the mma.sync GEMM.
struct MmaSyncTile {
  const char* name;
  TypePairs types;
  int m;
  int n;
  int k;  ///< Of one stage, in bytes.
  int stages;
  int warps_m;
  int warps_n;
  int blocks_per_multiprocessor;  ///< That the register budget allows for.
  bool any_alignment;             ///< Takes operands at any alignment, not only at 16 bytes.
  MmaShape shape;
  double macs_per_clock;  ///< Of a full multiprocessor, fitted to times on sm_90.

  constexpr int warps() const { return warps_m * warps_n; }
  constexpr int threads() const { return warps() * 32; }
  constexpr int stage_bytes() const { return (m + n) * k; }
  constexpr std::size_t pipeline_bytes() const {
    return static_cast<std::size_t>(stages) * static_cast<std::size_t>(stage_bytes());
  }
};

// 64 x 64 a warp is what lets ldmatrix feed the tensor cores: 128 bytes from shared memory for 4096
// multiply-adds. Smaller warp tiles are for problems that memory bounds anyway.
inline constexpr std::array<MmaSyncTile, 14> kMmaSyncTiles{{
    // Prefill where a multiprocessor has 192 KiB (sm_90, sm_100): two blocks hide each other's
    // barriers and epilogues, with half the barriers of the rows below.
    {"mma_m16n8k32_128x128x128", kCommonPairs, 128, 128, 128, 3, 2, 2, 2, false, MmaShape::M16N8K32,
     2050.0},
    // The least traffic through shared memory, half the barriers of the next row, and a single
    // block: within a few percent of the row above in long main loops.
    {"mma_m16n8k32_128x256x128", kCommonPairs, 128, 256, 128, 3, 2, 4, 1, false, MmaShape::M16N8K32,
     2130.0},
    // Prefill within the 99 KiB of sm_86, sm_89 and sm_120.
    {"mma_m16n8k32_128x256x64", kCommonPairs, 128, 256, 64, 4, 2, 4, 1, false, MmaShape::M16N8K32,
     2110.0},
    // Two blocks on sm_80; fills waves better.
    {"mma_m16n8k32_128x128x64", kEveryPair, 128, 128, 64, 4, 2, 2, 2, false, MmaShape::M16N8K32,
     1850.0},
    // M of 65 to some hundreds: enough tiles for all multiprocessors.
    {"mma_m16n8k32_128x64x128", kCommonPairs, 128, 64, 128, 4, 2, 2, 2, false, MmaShape::M16N8K32,
     1420.0},
    {"mma_m16n8k32_64x128x128", kCommonPairs, 64, 128, 128, 4, 2, 2, 2, false, MmaShape::M16N8K32,
     1835.0},
    {"mma_m16n8k32_64x64x128", kEveryPair, 64, 64, 128, 4, 2, 2, 2, false, MmaShape::M16N8K32,
     1100.0},
    // Decode: as few token rows as the instruction takes, and a deep ring of weights.
    {"mma_m16n8k32_32x64x256", kCommonPairs, 32, 64, 256, 4, 1, 4, 2, false, MmaShape::M16N8K32,
     935.0},
    {"mma_m16n8k32_16x64x256", kEveryPair, 16, 64, 256, 5, 1, 4, 2, false, MmaShape::M16N8K32,
     750.0},
    {"mma_m16n8k32_16x128x128", kCommonPairs, 16, 128, 128, 5, 1, 4, 2, false, MmaShape::M16N8K32,
     1120.0},
    // Operands that cp.async cannot move in 16 bytes.
    {"mma_m16n8k32_128x128x64_any", kEveryPair, 128, 128, 64, 3, 2, 2, 2, true, MmaShape::M16N8K32,
     1560.0},
    {"mma_m16n8k32_16x64x256_any", kEveryPair, 16, 64, 256, 3, 1, 4, 2, true, MmaShape::M16N8K32,
     550.0},
    // Turing: 64 KiB a multiprocessor, no cp.async.
    {"mma_m8n8k16_128x128x64", kEveryPair, 128, 128, 64, 2, 2, 4, 1, true, MmaShape::M8N8K16,
     500.0},
    {"mma_m8n8k16_16x64x128", kEveryPair, 16, 64, 128, 2, 1, 4, 2, true, MmaShape::M8N8K16, 250.0},
}};

}  // namespace qlinear::kernels
