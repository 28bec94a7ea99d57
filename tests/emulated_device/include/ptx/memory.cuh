#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

template <class T>
__device__ __forceinline__ T ld_global(const T* address) {
  emulated_device::check_global(address, sizeof(T), "ld.global");
  return *address;
}

template <class T>
__device__ __forceinline__ T ld_global_nc(const T* address) {
  return __ldg(address);
}

template <class T>
__device__ __forceinline__ void st_global(T* address, T value) {
  emulated_device::check_global(address, sizeof(T), "st.global");
  *address = value;
}

__device__ __forceinline__ void prefetch_l2(const void* address) {
  emulated_device::check_global(address, 1, "prefetch.global.L2");
}

template <class T>
__device__ __forceinline__ T ld_shared(const T* address) {
  emulated_device::check_shared(address, sizeof(T), "ld.shared");
  return *address;
}

template <class T>
__device__ __forceinline__ void st_shared(T* address, T value) {
  emulated_device::check_shared(address, sizeof(T), "st.shared");
  *address = value;
}

__device__ __forceinline__ unsigned char* dynamic_shared_memory() {
  return emulated_device::dynamic_shared_memory();
}

}  // namespace qlinear::ptx
