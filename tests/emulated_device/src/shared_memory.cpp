#include "shared_memory.hpp"

#include <cstdlib>
#include <new>

namespace qlinear::emulated_device {

void SharedMemory::Free::operator()(unsigned char* data) const { std::free(data); }

void SharedMemory::resize(std::size_t bytes) {
  if (data_ != nullptr && bytes == bytes_) return;
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) throw std::bad_alloc();
  data_.reset(static_cast<unsigned char*>(memory));
  bytes_ = bytes;
}

}  // namespace qlinear::emulated_device
