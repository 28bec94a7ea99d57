#pragma once

#include <ptx/intrinsics.cuh>

// Programmatic dependent launch. Before sm_90 a kernel starts only after its predecessor has ended,
// so both are empty there.

namespace qlinear::ptx {

/// griddepcontrol.wait: until every predecessor grid has ended and its writes are visible. Without
/// a programmatic predecessor it returns at once.
__device__ __forceinline__ void griddepcontrol_wait() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// griddepcontrol.launch_dependents: lets a programmatic successor start once every block of this
/// grid has called it or ended.
__device__ __forceinline__ void griddepcontrol_launch_dependents() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace qlinear::ptx
