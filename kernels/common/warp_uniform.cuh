#pragma once

#include <cstdint>

namespace qlinear::kernels {

/// Returns `value`, which is the same in all lanes of the warp, in a form that tells the compiler
/// so. It then computes what follows once for the warp, in the uniform registers from which wgmma
/// and TMA take their operands, and does not read special registers again for it. The whole warp
/// calls it.
template <class T>
__device__ __forceinline__ T warp_uniform(T value) {
  return __shfl_sync(~0u, value, 0);
}

template <class T>
__device__ __forceinline__ T* warp_uniform(T* pointer) {
  return reinterpret_cast<T*>(warp_uniform(reinterpret_cast<std::uintptr_t>(pointer)));
}

}  // namespace qlinear::kernels
