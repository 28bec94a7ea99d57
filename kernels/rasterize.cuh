#pragma once

#include <cstdint>

namespace qlinear::kernels {

struct TileIndex {
  int m;
  int n;
};

/// Which output tile block `block` computes. Blocks walk down bands of eight rows of tiles, so that
/// those running together share their operands in the L2. There are fewer than 2^31 tiles:
/// divisions of 64 bits would take a tenth of a microsecond each.
__device__ __forceinline__ TileIndex rasterize(unsigned block, std::int64_t tiles_m,
                                               std::int64_t tiles_n) {
  constexpr unsigned kBand = 8;
  const auto rows = static_cast<unsigned>(tiles_m);
  if (rows == 1) return {0, static_cast<int>(block)};
  const unsigned band_tiles = rows <= kBand ? ~0u : kBand * static_cast<unsigned>(tiles_n);
  const unsigned first_m = block / band_tiles * kBand;
  const unsigned in_band = block % band_tiles;
  const unsigned height = min(rows - first_m, kBand);
  return {static_cast<int>(first_m + in_band % height), static_cast<int>(in_band / height)};
}

}  // namespace qlinear::kernels
