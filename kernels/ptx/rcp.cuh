#pragma once

namespace qlinear::ptx {

/// rcp.approx.ftz.f32: 1 / x within an ulp, for x between 2^-126 and 2^126.
__device__ __forceinline__ float rcp_approx(float x) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

}  // namespace qlinear::ptx
