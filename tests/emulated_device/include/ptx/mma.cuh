#pragma once

#include <ptx/intrinsics.cuh>

#include <emulated_device/matrix_operations.hpp>

namespace qlinear::ptx {

template <bool kUnsignedB>
__device__ __forceinline__ void mma_m16n8k32(int (&c)[4], const unsigned (&a)[4],
                                             const unsigned (&b)[2]) {
  emulated_device::multiply_m16n8k32(c, a, b, kUnsignedB);
}

template <bool kUnsignedB>
__device__ __forceinline__ void mma_m8n8k16(int (&c)[2], unsigned a, unsigned b) {
  emulated_device::multiply_m8n8k16(c, a, b, kUnsignedB);
}

}  // namespace qlinear::ptx
