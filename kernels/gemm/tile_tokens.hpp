#pragma once

#include <algorithm>
#include <cstdint>

namespace qlinear::kernels {

/// Tokens that each tile of a problem takes, at most `tile_m`, so that all take about as many: rows
/// beyond M would cost TMA several times what a row costs that exists. Tiles come in groups of
/// `sharers`.
constexpr int tile_tokens(std::int64_t m, std::int64_t tile_m, std::int64_t sharers) {
  const std::int64_t tiles = (m + tile_m * sharers - 1) / (tile_m * sharers) * sharers;
  return static_cast<int>(m == 0 ? tile_m : (m + tiles - 1) / tiles);
}

/// Weight rows that each tile takes: `tile_n`, or fewer, in whole groups of eight, if the `blocks`
/// that run at once have a tile each only so. Where one tile holds all tokens, one of fewer rows
/// takes as much less time; half of them are another tile's business. Of clusters of more than two
/// blocks fewer may run at once than there is room for, and more tiles might take a second round.
constexpr int tile_weight_rows(std::int64_t m, std::int64_t n, std::int64_t tile_m,
                               std::int64_t tile_n, std::int64_t blocks, std::int64_t split_k) {
  constexpr std::int64_t kGroup = 8;
  const std::int64_t places = std::max<std::int64_t>(1, blocks / split_k);
  const std::int64_t even = (n + places - 1) / places;
  const std::int64_t rows = (even + kGroup - 1) / kGroup * kGroup;
  const bool whole = m > tile_m || split_k > 2 || rows <= tile_n / 2;
  return static_cast<int>(whole ? tile_n : std::min(rows, tile_n));
}

}  // namespace qlinear::kernels
