#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

__device__ __forceinline__ unsigned ctaid_x() { return blockIdx.x; }

__device__ __forceinline__ unsigned tid_x() { return threadIdx.x; }

__device__ __forceinline__ unsigned laneid() {
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  return thread % 32;
}

}  // namespace qlinear::ptx
