#pragma once

#include <cstdint>

namespace qlinear::kernels {

struct TileIndex {
  int m;
  int n;
};

/// Which output tile block `block` computes. Blocks walk down bands of eight rows of tiles, so that
/// those running together share their operands in the L2.
__device__ __forceinline__ TileIndex rasterize(unsigned block, std::int64_t tiles_m,
                                               std::int64_t tiles_n) {
  constexpr std::int64_t kBand = 8;
  const std::int64_t band = block / (kBand * tiles_n);
  const std::int64_t in_band = block % (kBand * tiles_n);
  const std::int64_t first_m = band * kBand;
  const std::int64_t height = tiles_m - first_m < kBand ? tiles_m - first_m : kBand;
  return {static_cast<int>(first_m + in_band % height), static_cast<int>(in_band / height)};
}

}  // namespace qlinear::kernels
