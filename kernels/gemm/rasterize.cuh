#pragma once

#include <cstdint>

namespace qlinear::kernels {

struct TileIndex {
  int m;
  int n;
};

/// Returns the output tile that block `block` computes. Blocks walk down bands of eight rows of
/// tiles, so that blocks that run together share their operands in the L2. `Index` holds eight
/// times `tiles_n`: 64 bits make a division take a tenth of a microsecond, but cost no register of
/// a main loop.
template <class Index>
__device__ __forceinline__ TileIndex rasterize(unsigned block, Index tiles_m, Index tiles_n) {
  constexpr Index kBand = 8;
  const Index band = block / (kBand * tiles_n);
  const Index in_band = block % (kBand * tiles_n);
  const Index first_m = band * kBand;
  const Index height = tiles_m - first_m < kBand ? tiles_m - first_m : kBand;
  return {static_cast<int>(first_m + in_band % height), static_cast<int>(in_band / height)};
}

}  // namespace qlinear::kernels
