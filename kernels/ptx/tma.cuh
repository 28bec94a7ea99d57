#pragma once

#include <ptx/mbarrier.cuh>

#include <cuda.h>

// The tensor memory accelerator (sm_90 and later). One thread issues a copy; its bytes arrive at an
// mbarrier.

namespace qlinear::ptx {

/// Hints at what the L2 should keep.
enum class L2Policy : unsigned long long {
  EvictFirst = 0x12F0000000000000ULL,  ///< For data that is read once: weights of a decode step.
  EvictLast = 0x14F0000000000000ULL,   ///< For data that every block reads: activations.
  EvictNormal = 0x1000000000000000ULL,
};

/// cp.async.bulk.tensor.2d.shared::cluster.global: the box of `map` whose first element is column
/// `column`, row `row`, to `shared` (1024-byte aligned for the 128-byte swizzle); elements outside
/// of the tensor become zero. `barrier` receives the box's bytes.
__device__ __forceinline__ void tma_load_2d(void* shared, const CUtensorMap* map, int column,
                                            int row, Mbarrier* barrier, L2Policy policy) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
      "[%0], [%1, {%2, %3}], [%4], %5;" ::"r"(
          static_cast<unsigned>(__cvta_generic_to_shared(shared))),
      "l"(map), "r"(column), "r"(row),
      "r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier))),
      "l"(static_cast<unsigned long long>(policy))
      : "memory");
#endif
}

/// Loads likewise to the same place in every block of the cluster whose bit in `blocks` is set; the
/// barrier at the same place in each of them receives the bytes.
__device__ __forceinline__ void tma_load_2d_multicast(void* shared, const CUtensorMap* map,
                                                      int column, int row, Mbarrier* barrier,
                                                      unsigned short blocks, L2Policy policy) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster.L2::cache_hint [%0], [%1, {%2, %3}], [%4], %5, %6;" ::"r"(
          static_cast<unsigned>(__cvta_generic_to_shared(shared))),
      "l"(map), "r"(column), "r"(row),
      "r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier))), "h"(blocks),
      "l"(static_cast<unsigned long long>(policy))
      : "memory");
#endif
}

/// cp.async.bulk.tensor.4d likewise: the box's first element is column `column` of the first and
/// number `block` of the last dimension, and number 0 of the two between.
__device__ __forceinline__ void tma_load_4d(void* shared, const CUtensorMap* map, int column,
                                            int block, Mbarrier* barrier, L2Policy policy) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
      "[%0], [%1, {%2, %3, %3, %4}], [%5], %6;" ::"r"(
          static_cast<unsigned>(__cvta_generic_to_shared(shared))),
      "l"(map), "r"(column), "r"(0), "r"(block),
      "r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier))),
      "l"(static_cast<unsigned long long>(policy))
      : "memory");
#endif
}

__device__ __forceinline__ void tma_load_4d_multicast(void* shared, const CUtensorMap* map,
                                                      int column, int block, Mbarrier* barrier,
                                                      unsigned short blocks, L2Policy policy) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster.L2::cache_hint [%0], [%1, {%2, %3, %3, %4}], [%5], %6, %7;" ::"r"(
          static_cast<unsigned>(__cvta_generic_to_shared(shared))),
      "l"(map), "r"(column), "r"(0), "r"(block),
      "r"(static_cast<unsigned>(__cvta_generic_to_shared(barrier))), "h"(blocks),
      "l"(static_cast<unsigned long long>(policy))
      : "memory");
#endif
}

/// prefetch.tensormap
__device__ __forceinline__ void prefetch_tensormap(const CUtensorMap* map) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
#endif
}

}  // namespace qlinear::ptx
