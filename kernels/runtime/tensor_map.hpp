#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

namespace qlinear::kernels {

/// Describes a matrix of bytes, `rows` x `columns` with rows `stride` bytes apart, for TMA loads of
/// boxes of `box_rows` rows of 128 bytes in the 128-byte swizzle. The base is 16-byte aligned, the
/// stride a multiple of 16, and `columns` > 0.
cudaError_t encode_tensor_map(CUtensorMap& map, const void* base, std::int64_t rows,
                              std::int64_t columns, std::int64_t stride, int box_rows);

/// Describes the weights of a gated output, `gate_rows` rows of gates and then as many of ups, for
/// boxes of `box_rows` rows in the interleaved order: dimensions are the columns, the rows of a
/// block, gates and ups, and the blocks. In shared memory such a box is like one of a matrix.
/// `gate_rows` is a multiple of `kGatedTmaMultiple`, and `box_rows` of two blocks.
cudaError_t encode_gated_tensor_map(CUtensorMap& map, const void* base, std::int64_t gate_rows,
                                    std::int64_t columns, std::int64_t stride, int box_rows);

}  // namespace qlinear::kernels
