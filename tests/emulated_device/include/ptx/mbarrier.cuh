#pragma once

#include <ptx/intrinsics.cuh>

#include <emulated_device/transaction_barrier.hpp>

namespace qlinear::ptx {

using Mbarrier = unsigned long long;

__device__ __forceinline__ void mbarrier_init(Mbarrier* barrier, unsigned arrivals) {
  emulated_device::initialise_barrier(barrier, arrivals);
}

__device__ __forceinline__ void fence_mbarrier_init() { emulated_device::yield_thread(); }

__device__ __forceinline__ void mbarrier_arrive_expect_tx(Mbarrier* barrier, unsigned bytes) {
  emulated_device::arrive_expecting(barrier, bytes);
}

__device__ __forceinline__ void mbarrier_arrive_cluster(Mbarrier* barrier, unsigned rank) {
  emulated_device::arrive_in_cluster(barrier, rank);
}

__device__ __forceinline__ void mbarrier_arrive(Mbarrier* barrier) {
  emulated_device::arrive_expecting(barrier, 0);
}

__device__ __forceinline__ void mbarrier_wait_parity(Mbarrier* barrier, unsigned parity) {
  emulated_device::wait_for_phase(barrier, parity);
}

__device__ __forceinline__ void mbarrier_wait_parity_cluster(Mbarrier* barrier, unsigned parity) {
  emulated_device::wait_for_phase(barrier, parity);
}

__device__ __forceinline__ void st_async(uint4* address, const uint4& value, Mbarrier* barrier,
                                         unsigned rank) {
  emulated_device::store_async(address, value, barrier, rank);
}

}  // namespace qlinear::ptx
