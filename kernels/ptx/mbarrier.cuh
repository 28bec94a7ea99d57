#pragma once

#include <ptx/intrinsics.cuh>

// Transaction barriers in shared memory (sm_90 and later). A phase completes when it has received
// the arrivals that the barrier was initialised with and all bytes that it was told to expect.

namespace qlinear::ptx {

using Mbarrier = unsigned long long;

/// mbarrier.init: by one thread, made visible by `fence_mbarrier_init` and a barrier.
__device__ __forceinline__ void mbarrier_init(Mbarrier* barrier, unsigned arrivals) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(barrier))),
               "r"(arrivals)
               : "memory");
#endif
}

/// fence.mbarrier_init.release.cluster
__device__ __forceinline__ void fence_mbarrier_init() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

/// mbarrier.arrive.expect_tx: one arrival that adds `bytes` to what the phase waits for.
__device__ __forceinline__ void mbarrier_arrive_expect_tx(Mbarrier* barrier, unsigned bytes) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(barrier))),
               "r"(bytes)
               : "memory");
#endif
}

/// mbarrier.arrive on the barrier at the same place in block `rank` of the cluster: tells it that
/// this block has read something, and publishes nothing that it wrote. (With .release.cluster it
/// would, at the price of a fence over all of global memory.)
__device__ __forceinline__ void mbarrier_arrive_cluster(Mbarrier* barrier, unsigned rank) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  const auto local = static_cast<unsigned>(__cvta_generic_to_shared(barrier));
  unsigned remote;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) : "r"(local), "r"(rank));
  asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(remote) : "memory");
#endif
}

/// mbarrier.arrive on a barrier of this block.
__device__ __forceinline__ void mbarrier_arrive(Mbarrier* barrier) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(barrier)))
               : "memory");
#endif
}

/// mbarrier.try_wait.parity until the phase of that parity has completed. A fresh barrier has
/// completed the phase of parity 1.
__device__ __forceinline__ void mbarrier_wait_parity(Mbarrier* barrier, unsigned parity) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(barrier));
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "wait_%=:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra wait_%=;\n"
      "}" ::"r"(address),
      "r"(parity)
      : "memory");
#endif
}

/// Waits likewise, where other blocks of the cluster complete the phase.
__device__ __forceinline__ void mbarrier_wait_parity_cluster(Mbarrier* barrier, unsigned parity) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(barrier));
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "wait_%=:\n"
      "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra wait_%=;\n"
      "}" ::"r"(address),
      "r"(parity)
      : "memory");
#endif
}

/// st.async: 16 bytes to the same place of block `rank` of the cluster, where the barrier at the
/// same place as `barrier` receives them.
__device__ __forceinline__ void st_async(uint4* address, const uint4& value, Mbarrier* barrier,
                                         unsigned rank) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  unsigned remote;
  unsigned remote_barrier;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
               : "=r"(remote)
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(address))), "r"(rank));
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
               : "=r"(remote_barrier)
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier))), "r"(rank));
  asm volatile(
      "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 "
      "[%0], {%1, %2, %3, %4}, [%5];" ::"r"(remote),
      "r"(value.x), "r"(value.y), "r"(value.z), "r"(value.w), "r"(remote_barrier)
      : "memory");
#endif
}

}  // namespace qlinear::ptx
