#pragma once

#include <device/device_info.hpp>
#include <qlinear/problem.hpp>
#include <selection/kernel_table.hpp>

#include <cstddef>
#include <cstdint>

namespace qlinear::detail {

/// N of the GEMM: `c_out`, or with a gated epilogue the rows of the interleaved order.
std::int64_t gemm_n(const QuantizedLinearDescriptor& problem);

/// How a kernel divides a problem into tiles, blocks and waves on a GPU. It is computed once for
/// each candidate: feasibility, the cost model and the launch policy read it. A problem without
/// tokens or without weight rows counts as one tile.
struct Tiling {
  int split_k = 1;
  int weight_rows = 0;               ///< Weight rows that a tile computes.
  std::int64_t tiles_m = 0;          ///< Tiles along M, rounded up to whole clusters.
  std::int64_t tiles_n = 0;          ///< Tiles along N.
  std::int64_t output_tiles = 0;     ///< Tiles that hold a token.
  std::int64_t split_tiles = 0;      ///< Tiles whose K is split; 0 without a split.
  std::size_t workspace_bytes = 0;   ///< What a split through the workspace needs of it.
  std::int64_t blocks = 0;           ///< Whole tiles, and slices of split ones.
  std::int64_t blocks_at_once = 0;   ///< Blocks that the GPU runs at once.
  std::int64_t resident_blocks = 0;  ///< Blocks that an SM holds at once.
  std::int64_t waves = 0;            ///< Blocks that a place on an SM runs one after another.
  std::int64_t blocks_per_sm = 0;    ///< Blocks that the busiest SM runs in all.
  std::int64_t wave_k_steps = 0;     ///< k-steps on the critical path: those of `waves`.
  std::int64_t sm_k_steps = 0;       ///< k-steps of `blocks_per_sm`.
  std::int64_t k_steps = 0;          ///< k-steps of all blocks.

  bool split_fills_one_wave() const { return split_tiles * split_k <= blocks_at_once; }
};

/// Divides `problem` into tiles of `kernel`, with K in `split_k` slices.
Tiling tiling(const GemmKernel& kernel, const DeviceInfo& device,
              const QuantizedLinearDescriptor& problem, int split_k);

}  // namespace qlinear::detail
