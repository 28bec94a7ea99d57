#pragma once

#include <cstdint>

namespace qlinear::kernels {

struct TileIndex {
  int m;
  int n;
};

/// Which output tile block `block` computes. Blocks walk down bands of eight rows of tiles, so that
/// those running together share their operands in the L2. There are fewer than 2^31 tiles. With an
/// `Index` of 64 bits each division takes a tenth of a microsecond, but no registers of a main
/// loop.
template <class Index>
__device__ __forceinline__ TileIndex rasterize(unsigned block, Index tiles_m, Index tiles_n) {
  constexpr Index kBand = 8;
  if (tiles_m == 1) return {0, static_cast<int>(block)};
  constexpr Index kAllTiles = 0x7fffffff;
  const Index band_tiles = tiles_m <= kBand ? kAllTiles : kBand * tiles_n;
  const Index first_m = block / band_tiles * kBand;
  const Index in_band = block % band_tiles;
  const Index height = min(tiles_m - first_m, kBand);
  return {static_cast<int>(first_m + in_band % height), static_cast<int>(in_band / height)};
}

}  // namespace qlinear::kernels
