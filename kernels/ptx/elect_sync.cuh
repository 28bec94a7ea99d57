#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

/// elect.sync: true in one of the lanes of the mask `lanes`, whichever that is; all of them execute
/// it (sm_90 and later).
///
/// A single lane may elect itself, which tells the compiler that one thread runs from here on. A
/// comparison of thread numbers does not, and the compiler then wraps each instruction that takes
/// its operands from uniform registers, as TMA's do, in a loop over threads.
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
