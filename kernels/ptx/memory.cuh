#pragma once

#include <ptx/intrinsics.cuh>

// Every access of a kernel to global and shared memory goes through these, so that the emulated
// device can check bounds and alignment. `T` is a type of 1, 2, 4, 8 or 16 bytes, and the pointer
// is aligned to its size.

namespace qlinear::ptx {

template <class T>
__device__ __forceinline__ T ld_global(const T* address) {
  return *address;
}

/// Loads data that nobody writes while the kernel runs, its programmatic predecessors included.
template <class T>
__device__ __forceinline__ T ld_global_nc(const T* address) {
  return __ldg(address);
}

template <class T>
__device__ __forceinline__ void st_global(T* address, T value) {
  *address = value;
}

/// Remains one store where the compiler would split the plain one.
__device__ __forceinline__ void st_global(uint4* address, uint4 value) { __stwb(address, value); }

/// prefetch.global.L2: fetches the line that `address` lies in. It is no read in the memory model.
__device__ __forceinline__ void prefetch_l2(const void* address) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}

template <class T>
__device__ __forceinline__ T ld_shared(const T* address) {
  return *address;
}

template <class T>
__device__ __forceinline__ void st_shared(T* address, T value) {
  *address = value;
}

/// Returns the block's dynamic shared memory, 1024-byte aligned.
__device__ __forceinline__ unsigned char* dynamic_shared_memory() {
  extern __shared__ __align__(1024) unsigned char qlinear_dynamic_shared_memory[];
  return qlinear_dynamic_shared_memory;
}

}  // namespace qlinear::ptx
