#pragma once

#include <ptx/intrinsics.cuh>

#include <emulated_device/matrix_operations.hpp>

#include <cstdint>

namespace qlinear::ptx {

using SharedAddress = std::uintptr_t;

__device__ __forceinline__ SharedAddress shared_address(const void* shared) {
  return reinterpret_cast<SharedAddress>(shared);
}

__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], SharedAddress row) {
  emulated_device::load_matrices(r, reinterpret_cast<const void*>(row));
}

}  // namespace qlinear::ptx
