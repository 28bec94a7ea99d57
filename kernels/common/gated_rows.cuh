#pragma once

#include <common/gated_rows.hpp>
#include <ptx/intrinsics.cuh>

namespace qlinear::kernels {

/// Returns the gate that row `row` of the interleaved order is, or is the up of. It may lie past
/// the last gate.
template <int kBlock>
__device__ __forceinline__ std::int64_t gate_of_row(std::int64_t row) {
  return row / (2 * kBlock) * kBlock + row % kBlock;
}

/// Returns the row of the weights that is row `row` of the interleaved order; a row of the last
/// gate or up if there is none. Without gates it is `row` itself.
template <int kBlock>
__device__ __forceinline__ std::int64_t weight_row(std::int64_t row, std::int64_t gate_rows) {
  if (gate_rows == 0) return row;
  const std::int64_t gate = min(gate_of_row<kBlock>(row), gate_rows - 1);
  return gate + (row % (2 * kBlock) < kBlock ? 0 : gate_rows);
}

}  // namespace qlinear::kernels
