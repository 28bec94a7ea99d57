#include "random.hpp"

#include <cstring>

namespace qlinear::emulated_device {

void fill_with_garbage(void* data, std::size_t bytes, Random& random) {
  auto* out = static_cast<unsigned char*>(data);
  std::uint64_t word = random.next();
  for (; bytes >= sizeof(word); bytes -= sizeof(word), out += sizeof(word)) {
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    std::memcpy(out, &word, sizeof(word));
  }
  std::memcpy(out, &word, bytes);
}

}  // namespace qlinear::emulated_device
