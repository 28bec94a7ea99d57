#pragma once

#include <cstdint>

namespace qlinear::emulated_device {

/// Returns where the byte at `offset` of shared memory goes in swizzled rows of `row_bytes`: the
/// 16-byte chunk's number within the row is xored with the number of the row. Source: PTX ISA,
/// "Swizzling modes": bits 4-6 with 7-9 for rows of 128 bytes, 4-5 with 7-8 for 64, 4 with 7 for
/// 32. Other row lengths have no swizzle and leave the offset alone.
inline std::uintptr_t swizzle(std::uintptr_t offset, std::uintptr_t row_bytes) {
  if (row_bytes != 128 && row_bytes != 64 && row_bytes != 32) return offset;
  const std::uintptr_t chunks = row_bytes / 16;
  return offset ^ (((offset / 128) & (chunks - 1)) * 16);
}

}  // namespace qlinear::emulated_device
