#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

// The order in which the sums of norms are added up.

namespace qlinear::reference::steps {

inline constexpr std::int64_t kChunk = 16;  ///< Neighbours that are added left to right.
inline constexpr std::size_t kLanes = 32;   ///< Chunks of a group, and columns of groups.

/// The sum of `lanes` as a tree: neighbours at a distance of 16, 8, 4, 2, 1.
template <class C>
C tree_sum(std::array<C, kLanes> lanes) {
  for (std::size_t distance = kLanes / 2; distance > 0; distance /= 2) {
    for (std::size_t lane = 0; lane < distance; ++lane) lanes[lane] += lanes[lane + distance];
  }
  return lanes[0];
}

/// Folds 0 ... k - 1 by `step(sum, index)`, which adds a summand. The summands +0 that fill the
/// last chunk, and chunks and groups that are missing, would change no sum.
template <class C, class Step>
C ordered_sum(std::int64_t k, const Step& step) {
  std::array<C, kLanes> columns{};
  std::array<C, kLanes> chunks{};
  std::size_t column = 0;
  for (std::int64_t group = 0; group < k;) {
    chunks = {};
    for (C& chunk : chunks) {
      const std::int64_t end = std::min(group + kChunk, k);
      for (; group < end; ++group) chunk = step(chunk, group);
    }
    columns[column] += tree_sum(chunks);
    column = (column + 1) % kLanes;
  }
  return tree_sum(columns);
}

}  // namespace qlinear::reference::steps
