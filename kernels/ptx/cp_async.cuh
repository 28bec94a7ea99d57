#pragma once

#include <ptx/intrinsics.cuh>

// Asynchronous copies from global to shared memory by the thread that waits for them. Before sm_80
// the copy is done at once, and commit and wait are empty.

namespace qlinear::ptx {

/// cp.async.cg.shared.global 16 bytes, of which the first `bytes` (0..16) come from `global` and
/// the rest are zero. Both addresses are 16-byte aligned; with `bytes` 0 `global` is not read.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global, unsigned bytes) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(address), "l"(global),
               "r"(bytes)
               : "memory");
#else
  uint4 value = make_uint4(0, 0, 0, 0);
  if (bytes == 16) {
    value = __ldg(static_cast<const uint4*>(global));
  } else {
    for (unsigned i = 0; i < bytes; ++i) {
      reinterpret_cast<unsigned char*>(&value)[i] = static_cast<const unsigned char*>(global)[i];
    }
  }
  *static_cast<uint4*>(shared) = value;
#endif
}

/// Copies all 16 bytes, in fewer instructions.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(address), "l"(global)
               : "memory");
#else
  *static_cast<uint4*>(shared) = __ldg(static_cast<const uint4*>(global));
#endif
}

/// cp.async.commit_group
__device__ __forceinline__ void cp_async_commit_group() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// cp.async.wait_group: until at most `kPending` of this thread's latest groups are in flight.
template <int kPending>
__device__ __forceinline__ void cp_async_wait_group() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

}  // namespace qlinear::ptx
