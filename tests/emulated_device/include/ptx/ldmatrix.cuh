#pragma once

#include <ptx/intrinsics.cuh>

#include <emulated_device/matrix_operations.hpp>

namespace qlinear::ptx {

__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], const void* row) {
  emulated_device::load_matrices(r, row);
}

}  // namespace qlinear::ptx
