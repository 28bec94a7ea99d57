#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

__device__ __forceinline__ bool elect_sync(unsigned lanes) { return emulated_device::elect(lanes); }

}  // namespace qlinear::ptx
