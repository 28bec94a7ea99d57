#pragma once

#include <qlinear/status.hpp>
#include <qlinear/tensor_view.hpp>

#include <driver_types.h>

namespace qlinear::detail {

/// `weight_sums` and `activation_sums` without their types: of a matrix of elements `element`, S8
/// or U8, that messages call `name`.
Status sum_rows(cudaStream_t stream, const char* name, ElementKind element,
                const TensorView& matrix, const TensorView& sums) noexcept;

}  // namespace qlinear::detail
