#pragma once

#include <cstddef>
#include <cstdint>

// Layout of the workspace of a GEMM whose K is split over blocks: a counter for each output tile,
// zero before the GEMM starts, then for each tile and slice the tile's int32 partial sums.

namespace qlinear::kernels {

inline constexpr std::size_t kWorkspaceAlignment = 256;

constexpr std::int64_t tile_count(std::int64_t m, std::int64_t n, int tile_m, int tile_n) {
  return ((m + tile_m - 1) / tile_m) * ((n + tile_n - 1) / tile_n);
}

constexpr std::size_t split_counter_bytes(std::int64_t tiles) {
  const auto bytes = static_cast<std::size_t>(tiles) * sizeof(std::uint32_t);
  return (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
}

/// 0 where K is not split.
constexpr std::size_t split_workspace_bytes(std::int64_t m, std::int64_t n, int tile_m, int tile_n,
                                            int split_k) {
  if (split_k == 1) return 0;
  const std::int64_t tiles = tile_count(m, n, tile_m, tile_n);
  const auto sums = static_cast<std::size_t>(tiles * split_k * tile_m * tile_n);
  return split_counter_bytes(tiles) + sums * sizeof(std::int32_t);
}

}  // namespace qlinear::kernels
