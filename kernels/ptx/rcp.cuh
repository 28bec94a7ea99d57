#pragma once

namespace qlinear::ptx {

/// rcp.approx.ftz.f32: 1 / x within an ulp, for x between 2^-126 and 2^126. It is what nvcc's own
/// `div.rn.f32` starts from (seen in its code for sm_90a).
__device__ __forceinline__ float rcp_approx(float x) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

}  // namespace qlinear::ptx
