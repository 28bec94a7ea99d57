#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

/// elect.sync: true in one of the lanes of the mask `lanes`, whichever that is; all of them execute
/// it (sm_90 and later).
///
/// A single lane may elect itself, so that the compiler knows that one thread runs from here on.
/// From a comparison of thread numbers it does not, and it wraps each instruction that takes its
/// operands from the warp's uniform registers, as those of the tensor memory accelerator do, in a
/// loop over threads.
__device__ __forceinline__ bool elect_sync(unsigned lanes) {
  unsigned elected = 0;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile(
      "{\n"
      ".reg .pred elected;\n"
      "elect.sync _|elected, %1;\n"
      "selp.u32 %0, 1, 0, elected;\n"
      "}"
      : "=r"(elected)
      : "r"(lanes));
#endif
  return elected != 0;
}

}  // namespace qlinear::ptx
