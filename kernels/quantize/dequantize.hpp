#pragma once

#include <cuda_runtime_api.h>
#include <qlinear/types.hpp>

#include <cstdint>

namespace qlinear::kernels {

/// y[M,K] from q[M,K], scale[M] and zero_point[M]: what the quantized activation stands for.
struct DequantizeProblem {
  ElementKind element;  ///< Of y.
  std::int64_t m;
  std::int64_t k;
  const std::int8_t* q;
  std::int64_t ldq;
  const void* scale;
  const std::int8_t* zero_point;  ///< Null means zeros.
  void* y;
  std::int64_t ldy;
};

/// Takes any alignment. Precondition: y has elements.
cudaError_t launch_dequantize(const DequantizeProblem& problem, cudaStream_t stream);

}  // namespace qlinear::kernels
