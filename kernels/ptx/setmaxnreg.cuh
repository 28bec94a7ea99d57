#pragma once

#include <ptx/intrinsics.cuh>

// Registers move from the producer's warpgroup to the consumers' (sm_90a).

namespace qlinear::ptx {

/// setmaxnreg.dec.sync.aligned.u32
template <int kRegisters>
__device__ __forceinline__ void setmaxnreg_dec() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
#endif
}

/// setmaxnreg.inc.sync.aligned.u32
template <int kRegisters>
__device__ __forceinline__ void setmaxnreg_inc() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
#endif
}

}  // namespace qlinear::ptx
