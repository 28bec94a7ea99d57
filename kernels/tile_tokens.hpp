#pragma once

#include <cstdint>

namespace qlinear::kernels {

/// Tokens that each tile of a problem takes, at most `tile_m`, so that all take about as many: rows
/// beyond M would cost TMA several times what a row costs that exists. Tiles come in groups of
/// `sharers`.
constexpr int tile_tokens(std::int64_t m, std::int64_t tile_m, std::int64_t sharers) {
  const std::int64_t tiles = (m + tile_m * sharers - 1) / (tile_m * sharers) * sharers;
  return static_cast<int>(m == 0 ? tile_m : (m + tiles - 1) / tiles);
}

}  // namespace qlinear::kernels
