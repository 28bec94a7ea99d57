#pragma once

#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace qlinear::emulated_device {

/// Stands for the owner of page-locked host memory, which every device can reach.
inline constexpr int kHost = -1;

struct Allocation {
  std::uintptr_t begin;
  std::size_t bytes;
  int device;  ///< The owner: a device or `kHost`.

  bool contains(std::uintptr_t address, std::size_t count) const {
    const std::uintptr_t offset = address - begin;
    return offset <= bytes && count <= bytes - offset;
  }
};

/// Holds the live allocations of device and page-locked memory. Each is a host allocation of
/// exactly its size, so that AddressSanitizer sees what bypasses the checked accesses.
class Allocations {
 public:
  static constexpr std::size_t kAlignment = 256;

  /// Returns memory full of garbage; null if there is not enough.
  void* allocate(std::size_t bytes, int device, Random& random);

  /// Returns false if `address` is not the start of a live allocation of that kind, device or host
  /// memory.
  bool release(void* address, bool host);

  /// Releases everything that belongs to `device`.
  void release_all(int device);

  /// Returns the allocation that holds the `bytes` at `address`; null if none does.
  const Allocation* find(const void* address, std::size_t bytes) const;

  std::size_t bytes_of(int device) const;

  /// Describes where an address lies relative to the allocations around it, for messages.
  std::string locate(const void* address) const;

 private:
  std::vector<Allocation> live_;   ///< It is sorted by address.
  std::vector<Allocation> freed_;  ///< It keeps the latest, for messages.
};

}  // namespace qlinear::emulated_device
