#pragma once

#include <cstdint>

// The weights of a gated output hold the rows of all gates and then those of all ups. GEMM kernels
// number them in another order, without moving them: blocks of gates and of their ups take turns,
// so that a thread or a warp has both. N counts the rows in that order; the last block may have
// rows that do not exist.

namespace qlinear::kernels {

/// Blocks have this many rows: a gate and its up lie in neighbouring fragments of mma and wgmma.
inline constexpr int kGatedBlock = 8;

/// TMA loads the blocks as a dimension of the tensor, so it takes a multiple of this many gates.
/// Other kernels take any number.
inline constexpr std::int64_t kGatedTmaMultiple = kGatedBlock;

#ifdef __CUDACC__
__host__ __device__
#endif
    constexpr std::int64_t
    interleaved_rows(std::int64_t gate_rows) {
  return (gate_rows + kGatedBlock - 1) / kGatedBlock * 2 * kGatedBlock;
}

}  // namespace qlinear::kernels
