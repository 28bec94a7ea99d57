#pragma once

#include <cstdint>

namespace qlinear::kernels {

/// `value`, which is the same in all lanes of the warp, so that the compiler knows: it computes
/// what follows from it once for the warp, in the uniform registers from which wgmma and TMA take
/// their operands. Nor does it read special registers anew for it. Called by the whole warp.
template <class T>
__device__ __forceinline__ T warp_uniform(T value) {
  return __shfl_sync(~0u, value, 0);
}

template <class T>
__device__ __forceinline__ T* warp_uniform(T* pointer) {
  return reinterpret_cast<T*>(warp_uniform(reinterpret_cast<std::uintptr_t>(pointer)));
}

}  // namespace qlinear::kernels
