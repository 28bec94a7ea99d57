#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

/// ldmatrix.sync.aligned.m8n8.x4.shared.b16: four 8x8 matrices of 16-bit elements. Lane l gives the
/// address of row l % 8 of matrix l / 8 (16 bytes, 16-byte aligned, in shared memory).
__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], const void* row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}

}  // namespace qlinear::ptx
