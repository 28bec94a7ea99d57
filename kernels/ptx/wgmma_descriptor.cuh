#pragma once

#include <ptx/intrinsics.cuh>

#include <cstdint>

namespace qlinear::ptx {

/// Matrix descriptor of a K-major operand in rows of 128 bytes with the 128-byte swizzle, as TMA
/// writes it: `rows` is 1024-byte aligned, plus 32 bytes for each step along K within the swizzle.
/// Fields from "Matrix descriptor" of the PTX manual: address / 16 in bits 0-13, stride between
/// groups of eight rows / 16 in bits 32-45, swizzle mode 1 (128 bytes) in bits 62-63.
__device__ __forceinline__ std::uint64_t wgmma_descriptor(const void* rows) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(rows));
  constexpr std::uint64_t kGroupStride = 1024 / 16;
  constexpr std::uint64_t kSwizzle128 = 1;
  return ((address & 0x3ffffu) >> 4) | (std::uint64_t{1} << 16) | (kGroupStride << 32) |
         (kSwizzle128 << 62);
}

}  // namespace qlinear::ptx
