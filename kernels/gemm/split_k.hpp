#pragma once

#include <cstddef>
#include <cstdint>

// A GEMM that splits K through a workspace splits the output tiles of its last, partial wave, or
// all tiles if no wave is partial. Its units of work are whole tiles first and then slices of K of
// the split tiles.
//
// The workspace holds a counter for each split tile, zero before the GEMM starts, and then the
// int32 partial sums of each split tile and slice.

namespace qlinear::kernels {

inline constexpr std::size_t kWorkspaceAlignment = 256;

constexpr std::int64_t tile_count(std::int64_t m, std::int64_t n, int tile_m, int tile_n) {
  return ((m + tile_m - 1) / tile_m) * ((n + tile_n - 1) / tile_n);
}

constexpr std::size_t split_counter_bytes(std::int64_t tiles) {
  const auto bytes = static_cast<std::size_t>(tiles) * sizeof(std::uint32_t);
  return (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
}

constexpr std::size_t split_workspace_bytes(std::int64_t split_tiles, int split_k, int tile_m,
                                            int tile_n) {
  const auto sums = static_cast<std::size_t>(split_tiles * split_k * tile_m * tile_n);
  return split_counter_bytes(split_tiles) + sums * sizeof(std::int32_t);
}

/// Returns the units of `tiles` output tiles of which the first `whole_tiles` are not split.
constexpr std::int64_t split_units(std::int64_t tiles, std::int64_t whole_tiles, int split_k) {
  return whole_tiles + (tiles - whole_tiles) * split_k;
}

}  // namespace qlinear::kernels
