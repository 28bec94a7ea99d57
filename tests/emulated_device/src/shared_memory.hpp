#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qlinear::emulated_device {

/// Holds the dynamic shared memory of one block: a host allocation of exactly its size, so that
/// AddressSanitizer sees what bypasses the checked accesses.
class SharedMemory {
 public:
  static constexpr std::size_t kAlignment = 1024;

  void resize(std::size_t bytes);

  unsigned char* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

  bool contains(const void* address, std::size_t bytes) const {
    const std::uintptr_t offset = offset_of(address);
    return offset <= bytes_ && bytes <= bytes_ - offset;
  }

  /// Returns the distance from the start; past `bytes()` for an address that is not in it.
  std::uintptr_t offset_of(const void* address) const {
    return reinterpret_cast<std::uintptr_t>(address) -
           reinterpret_cast<std::uintptr_t>(data_.get());
  }

 private:
  struct Free {
    void operator()(unsigned char* data) const;
  };
  std::unique_ptr<unsigned char, Free> data_;
  std::size_t bytes_ = 0;
};

}  // namespace qlinear::emulated_device
