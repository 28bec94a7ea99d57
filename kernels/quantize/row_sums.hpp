#pragma once

#include <cuda_runtime_api.h>
#include <qlinear/types.hpp>

#include <cstdint>

namespace qlinear::kernels {

/// sums[rows] from the bytes of matrix[rows, columns], of any alignment.
struct RowSumsProblem {
  ElementKind element;  ///< S8 or U8.
  std::int64_t rows;
  std::int64_t columns;
  const void* matrix;
  std::int64_t ld;
  std::int32_t* sums;  ///< Modulo 2^32.
};

/// Precondition: there are rows.
cudaError_t launch_row_sums(const RowSumsProblem& problem, cudaStream_t stream);

}  // namespace qlinear::kernels
