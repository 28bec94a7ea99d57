#pragma once

#include <qlinear/status.hpp>
#include <qlinear/tensor_view.hpp>

#include <driver_types.h>

namespace qlinear::detail {

/// `weight_sums` and `activation_sums` without their types; messages call the matrix `name`.
Status sum_rows(cudaStream_t stream, const char* name, const TensorView& matrix,
                const TensorView& sums) noexcept;

}  // namespace qlinear::detail
