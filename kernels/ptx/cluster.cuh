#pragma once

#include <ptx/intrinsics.cuh>

// Thread block clusters and distributed shared memory (sm_90 and later).

namespace qlinear::ptx {

/// %cluster_ctarank
__device__ __forceinline__ unsigned cluster_ctarank() {
  unsigned rank = 0;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
#endif
  return rank;
}

/// %cluster_nctarank
__device__ __forceinline__ unsigned cluster_nctarank() {
  unsigned count = 1;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(count));
#endif
  return count;
}

/// barrier.cluster.arrive.release.aligned
__device__ __forceinline__ void barrier_cluster_arrive() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}

/// barrier.cluster.arrive.relaxed.aligned: publishes nothing that was written before it, and so
/// does without the fence over all of global memory that the form above becomes.
__device__ __forceinline__ void barrier_cluster_arrive_relaxed() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
#endif
}

/// barrier.cluster.wait.acquire.aligned
__device__ __forceinline__ void barrier_cluster_wait() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

/// mapa and ld.shared::cluster: the object at the same shared-memory address in block `rank` of the
/// cluster. `T` is a type of 4 or 8 bytes.
template <class T>
__device__ __forceinline__ T ld_shared_cluster(const T* address, unsigned rank) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "one register or a pair");
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  const auto local = static_cast<unsigned>(__cvta_generic_to_shared(address));
  unsigned remote;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) : "r"(local), "r"(rank));
  if constexpr (sizeof(T) == 4) {
    unsigned value;
    asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(value) : "r"(remote) : "memory");
    return reinterpret_cast<const T&>(value);
  } else {
    unsigned long long value;
    asm volatile("ld.shared::cluster.u64 %0, [%1];" : "=l"(value) : "r"(remote) : "memory");
    return reinterpret_cast<const T&>(value);
  }
#else
  (void)rank;
  return *address;
#endif
}

}  // namespace qlinear::ptx
