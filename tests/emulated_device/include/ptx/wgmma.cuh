#pragma once

#include <ptx/intrinsics.cuh>
#include <ptx/wgmma_descriptor.cuh>

#include <emulated_device/warpgroup_multiply.hpp>

#include <cstdint>

namespace qlinear::ptx {

__device__ __forceinline__ void wgmma_fence() { emulated_device::fence_multiply(); }

__device__ __forceinline__ void wgmma_commit_group() { emulated_device::commit_multiply_group(); }

template <int kPending>
__device__ __forceinline__ void wgmma_wait_group() {
  static_assert(kPending >= 0);
  emulated_device::wait_multiply_group(kPending);
}

template <int kCount>
__device__ __forceinline__ void wgmma_fence_registers(int (&/*d*/)[kCount]) {}

template <int kN, bool kUnsignedA, bool kUnsignedB>
__device__ __forceinline__ void wgmma_m64k32(int (&d)[kN / 2], std::uint64_t a, std::uint64_t b,
                                             bool accumulate) {
  static_assert(kN == 8 || kN == 24 || (kN % 16 == 0 && kN <= 256), "N of the integer forms");
  emulated_device::multiply_async({kN, kUnsignedA, kUnsignedB}, d, a, b, accumulate);
}

}  // namespace qlinear::ptx
