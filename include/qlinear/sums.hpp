#pragma once

#include <qlinear/export.hpp>
#include <qlinear/status.hpp>
#include <qlinear/tensor.hpp>
#include <qlinear/types.hpp>

#include <driver_types.h>

#include <cstdint>

// The sums of rows that zero points need, on the device. `qlinear::reference` has the same on the
// CPU. Like those of plans, these calls allocate nothing on success, synchronise nothing, may be
// captured into a CUDA graph, launch on the device of the stream, whatever device is current, leave
// no new error for cudaGetLastError, and never throw.

namespace qlinear {

/// Enqueues on `stream` a kernel that writes the sum of each row of a weight [N, K] to `sums` [N],
/// modulo 2^32: `weight_sum` of a layer whose activation has zero points. Once for a weight. Rows
/// may be padded and need no alignment. TWQ is S8 or U8. Errors: InvalidProblem (shapes, strides,
/// pointers, overlap), Unsupported (a GPU that no compiled architecture serves), CudaError.
template <class TWQ>
Status weight_sums(cudaStream_t stream, const TensorRef<TWQ, 2>& weight,
                   const TensorMut<std::int32_t, 1>& sums) noexcept;

/// Enqueues likewise what writes the sum of each row of a quantized activation [M, K] to `sums`
/// [M]: `sum` of an activation that is given to a layer whose weight has zero points. A quantize
/// pass writes them itself, where its descriptor asks for sums. Errors: as `weight_sums`.
QLINEAR_API Status activation_sums(cudaStream_t stream, const TensorRef<S8, 2>& quantized,
                                   const TensorMut<std::int32_t, 1>& sums) noexcept;

extern template QLINEAR_API Status weight_sums(cudaStream_t, const TensorRef<S8, 2>&,
                                               const TensorMut<std::int32_t, 1>&) noexcept;
extern template QLINEAR_API Status weight_sums(cudaStream_t, const TensorRef<U8, 2>&,
                                               const TensorMut<std::int32_t, 1>&) noexcept;

}  // namespace qlinear
