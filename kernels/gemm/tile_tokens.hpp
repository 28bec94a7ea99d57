#pragma once

#include <algorithm>
#include <cstdint>

namespace qlinear::kernels {

/// Returns the tokens that each tile takes, at most `tile_m`, so that all take about as many: TMA
/// spends several times as long on a row past M as on one that exists. Tiles come in groups of
/// `cluster_m`, the cluster size along M.
constexpr int tile_tokens(std::int64_t m, std::int64_t tile_m, std::int64_t cluster_m) {
  const std::int64_t tiles = (m + tile_m * cluster_m - 1) / (tile_m * cluster_m) * cluster_m;
  return static_cast<int>(m == 0 ? tile_m : (m + tiles - 1) / tiles);
}

/// Returns the weight rows that each tile takes: `tile_n`, or fewer, in whole groups of `group`
/// rows (eight, or two blocks of gated weights), where only that gives each of the `blocks` that
/// run at once a tile. Where one tile holds all tokens, a tile of fewer rows takes proportionally
/// less time; at half the rows another tile size fits better. Clusters of more than two blocks keep
/// `tile_n`, since fewer of them may run at once than there is room for, and more tiles might take
/// a second wave.
constexpr int tile_weight_rows(std::int64_t m, std::int64_t n, std::int64_t tile_m,
                               std::int64_t tile_n, std::int64_t blocks, std::int64_t split_k,
                               std::int64_t group = 8) {
  const std::int64_t places = std::max<std::int64_t>(1, blocks / split_k);
  const std::int64_t even = (n + places - 1) / places;
  const std::int64_t rows = (even + group - 1) / group * group;
  const bool whole = m > tile_m || split_k > 2 || rows <= tile_n / 2;
  return static_cast<int>(whole ? tile_n : std::min(rows, tile_n));
}

}  // namespace qlinear::kernels
