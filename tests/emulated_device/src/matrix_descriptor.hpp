#pragma once

#include <cstddef>
#include <cstdint>

namespace qlinear::emulated_device {

class SharedMemory;

/// A wgmma operand in shared memory, K-major: some rows of 32 bytes of K. Source: PTX ISA, "Shared
/// memory matrix layout" and "Matrix descriptor".
class MatrixDescriptor {
 public:
  static constexpr unsigned kRowBytes = 32;  ///< The 8-bit integer forms have 32 bytes of K.

  /// Decodes `bits`; stops the current thread if they break the rules or if `rows` rows do not lie
  /// in `shared`.
  MatrixDescriptor(std::uint64_t bits, unsigned rows, const SharedMemory& shared);

  /// Returns the offset in shared memory of byte `k` of `row`.
  std::uintptr_t offset(unsigned row, unsigned k) const;

 private:
  std::uintptr_t start_;
  std::uintptr_t leading_;        ///< The distance of 16-byte columns, without swizzle.
  std::uintptr_t stride_;         ///< The distance of groups of eight rows.
  std::uintptr_t swizzle_bytes_;  ///< The row length of the swizzle mode; 16 for none.
};

}  // namespace qlinear::emulated_device
