#pragma once

#include <ptx/mbarrier.cuh>

#include <emulated_device/tensor_copy.hpp>

#include <cuda.h>

namespace qlinear::ptx {

enum class L2Policy : unsigned long long { EvictFirst, EvictLast, EvictNormal };

__device__ __forceinline__ void tma_load_2d(void* shared, const CUtensorMap* map, int column,
                                            int row, Mbarrier* barrier, L2Policy /*policy*/) {
  emulated_device::load_tensor_box(shared, map, {column, row}, barrier, 0);
}

__device__ __forceinline__ void tma_load_2d_multicast(void* shared, const CUtensorMap* map,
                                                      int column, int row, Mbarrier* barrier,
                                                      unsigned short blocks, L2Policy /*policy*/) {
  emulated_device::load_tensor_box(shared, map, {column, row}, barrier, blocks);
}

__device__ __forceinline__ void tma_load_4d(void* shared, const CUtensorMap* map, int column,
                                            int block, Mbarrier* barrier, L2Policy /*policy*/) {
  emulated_device::load_tensor_box(shared, map, {column, 0, 0, block}, barrier, 0);
}

__device__ __forceinline__ void tma_load_4d_multicast(void* shared, const CUtensorMap* map,
                                                      int column, int block, Mbarrier* barrier,
                                                      unsigned short blocks, L2Policy /*policy*/) {
  emulated_device::load_tensor_box(shared, map, {column, 0, 0, block}, barrier, blocks);
}

__device__ __forceinline__ void prefetch_tensormap(const CUtensorMap* /*map*/) {}

}  // namespace qlinear::ptx
