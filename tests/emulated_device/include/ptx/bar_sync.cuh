#pragma once

#include <ptx/intrinsics.cuh>

namespace qlinear::ptx {

__device__ __forceinline__ void bar_sync(int id, int threads) {
  emulated_device::synchronise_threads(id, threads);
}

}  // namespace qlinear::ptx
