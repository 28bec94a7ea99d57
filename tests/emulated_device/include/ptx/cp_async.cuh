#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

__device__ __forceinline__ void cp_async_16(void* shared, const void* global, unsigned bytes) {
  emulated_device::copy_async(shared, global, bytes, 16);
}

__device__ __forceinline__ void cp_async_16(void* shared, const void* global) {
  emulated_device::copy_async(shared, global, 16, 16);
}

__device__ __forceinline__ void cp_async_commit_group() { emulated_device::commit_async_group(); }

template <int kPending>
__device__ __forceinline__ void cp_async_wait_group() {
  static_assert(kPending >= 0);
  emulated_device::wait_async_group(kPending);
}

}  // namespace qlinear::ptx
