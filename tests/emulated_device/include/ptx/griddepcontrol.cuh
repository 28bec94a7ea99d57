#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

__device__ __forceinline__ void griddepcontrol_wait() {
  emulated_device::wait_for_prerequisite_grids();
}

__device__ __forceinline__ void griddepcontrol_launch_dependents() {
  emulated_device::launch_dependent_grids();
}

}  // namespace qlinear::ptx
