#pragma once

#include <ptx/intrinsics.cuh>

#include <cstdint>

namespace qlinear::ptx {

/// An empty statement that needs `value`, so that a parameter of the kernel is loaded here and not
/// where it is first used.
__device__ __forceinline__ void require(std::uint64_t value) { asm volatile("" ::"l"(value)); }

}  // namespace qlinear::ptx
