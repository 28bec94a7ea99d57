#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

__device__ __forceinline__ unsigned cluster_ctarank() { return emulated_device::cluster_rank(); }

__device__ __forceinline__ unsigned cluster_nctarank() { return emulated_device::cluster_size(); }

__device__ __forceinline__ void barrier_cluster_arrive() {
  emulated_device::arrive_at_cluster_barrier();
}

__device__ __forceinline__ void barrier_cluster_arrive_relaxed() {
  emulated_device::arrive_at_cluster_barrier();
}

__device__ __forceinline__ void barrier_cluster_wait() {
  emulated_device::wait_at_cluster_barrier();
}

template <class T>
__device__ __forceinline__ T ld_shared_cluster(const T* address, unsigned rank) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "one register or a pair");
  return *static_cast<const T*>(
      emulated_device::map_shared_rank(address, rank, sizeof(T), "ld.shared::cluster"));
}

}  // namespace qlinear::ptx
