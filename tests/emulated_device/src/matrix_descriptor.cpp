#include "matrix_descriptor.hpp"

#include "engine.hpp"
#include "settings.hpp"
#include "swizzle.hpp"

#include <cinttypes>

namespace qlinear::emulated_device {
namespace {

/// Decodes a field that counts in units of 16 bytes.
std::uintptr_t field(std::uint64_t bits, unsigned lowest) {
  constexpr std::uint64_t kMask = 0x3fff;
  return static_cast<std::uintptr_t>((bits >> lowest) & kMask) * 16;
}

[[noreturn]] void reject(std::uint64_t bits, const char* reason) {
  engine().fail(cudaErrorLaunchFailure, "wgmma with the matrix descriptor 0x%016" PRIx64 ": %s",
                bits, reason);
}

std::uintptr_t swizzle_bytes(std::uint64_t bits) {
  constexpr std::uintptr_t kByMode[] = {16, 128, 64, 32};
  return kByMode[bits >> 62];
}

}  // namespace

MatrixDescriptor::MatrixDescriptor(std::uint64_t bits, unsigned rows, const SharedMemory& shared)
    : start_(field(bits, 0) - kReservedSharedBytes),
      leading_(field(bits, 16)),
      stride_(field(bits, 32)),
      swizzle_bytes_(swizzle_bytes(bits)) {
  constexpr std::uint64_t kUnused = 0x3ff1c000c000c000U;
  constexpr std::uint64_t kBaseOffset = std::uint64_t{7} << 49;
  if ((bits & kUnused) != 0) reject(bits, "bits that have no meaning are set");
  if ((bits & kBaseOffset) != 0) reject(bits, "a base offset is not modelled");
  const std::uintptr_t pattern = 8 * swizzle_bytes_;
  if (swizzle_bytes_ > 16 && start_ % pattern + kRowBytes > swizzle_bytes_) {
    reject(bits, "the operand does not start in the first row of the swizzle's pattern");
  }
  for (unsigned row = 0; row < rows; ++row) {
    for (unsigned k = 0; k < kRowBytes; k += 16) {
      if (!shared.contains(shared.data() + offset(row, k), 16)) {
        reject(bits, "the operand does not lie in the block's shared memory");
      }
    }
  }
}

std::uintptr_t MatrixDescriptor::offset(unsigned row, unsigned k) const {
  const std::uintptr_t group = start_ + row / 8 * stride_;
  if (swizzle_bytes_ == 16) return group + row % 8 * 16 + k / 16 * leading_ + k % 16;
  return swizzle(group + row % 8 * swizzle_bytes_ + k, swizzle_bytes_);
}

}  // namespace qlinear::emulated_device
