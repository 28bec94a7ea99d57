#include "allocations.hpp"

#include "settings.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdlib>

namespace qlinear::emulated_device {
namespace {

constexpr std::size_t kFreedRemembered = 32;
/// Each end of an allocation gets this much garbage; filling a huge one would touch every page.
constexpr std::size_t kGarbageBytes = std::size_t{64} << 20;

bool starts_after(std::uintptr_t address, const Allocation& allocation) {
  return address < allocation.begin;
}

void fill_edges(void* memory, std::size_t bytes, Random& random) {
  const std::size_t edge = std::min(bytes, kGarbageBytes);
  fill_with_garbage(memory, edge, random);
  const std::size_t rest = std::min(bytes - edge, kGarbageBytes);
  fill_with_garbage(static_cast<char*>(memory) + bytes - rest, rest, random);
}

const char* owner(const Allocation& allocation) {
  return allocation.device == kHost ? "page-locked host memory" : "device memory";
}

std::string locate_near(const Allocation& allocation, std::uintptr_t address) {
  const std::uintptr_t end = allocation.begin + allocation.bytes;
  if (address >= end) {
    return text("%zu bytes past the end of an allocation of %zu bytes of %s", address - end,
                allocation.bytes, owner(allocation));
  }
  return text("at byte %zu of an allocation of %zu bytes of %s (device %d)",
              address - allocation.begin, allocation.bytes, owner(allocation), allocation.device);
}

}  // namespace

void* Allocations::allocate(std::size_t bytes, int device, Random& random) {
  void* memory = nullptr;
  if (bytes > kDeviceBytes - bytes_of(device) || posix_memalign(&memory, kAlignment, bytes) != 0)
    return nullptr;
  fill_edges(memory, bytes, random);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  live_.insert(std::upper_bound(live_.begin(), live_.end(), begin, starts_after),
               Allocation{begin, bytes, device});
  return memory;
}

bool Allocations::release(void* address, bool host) {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const auto found = std::find_if(live_.begin(), live_.end(), [&](const Allocation& allocation) {
    return allocation.begin == begin && (allocation.device == kHost) == host;
  });
  if (found == live_.end()) return false;
  if (freed_.size() == kFreedRemembered) freed_.erase(freed_.begin());
  freed_.push_back(*found);
  live_.erase(found);
  std::free(address);
  return true;
}

void Allocations::release_all(int device) {
  for (std::size_t i = live_.size(); i-- > 0;) {
    if (live_[i].device != device) continue;
    release(reinterpret_cast<void*>(live_[i].begin), device == kHost);
  }
}

const Allocation* Allocations::find(const void* address, std::size_t bytes) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const auto after = std::upper_bound(live_.begin(), live_.end(), begin, starts_after);
  if (after == live_.begin()) return nullptr;
  const Allocation& candidate = *(after - 1);
  return candidate.contains(begin, bytes) ? &candidate : nullptr;
}

std::size_t Allocations::bytes_of(int device) const {
  std::size_t sum = 0;
  for (const Allocation& allocation : live_) {
    if (allocation.device == device) sum += allocation.bytes;
  }
  return sum;
}

std::string Allocations::locate(const void* address) const {
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  if (value == 0) return "the null pointer";
  for (const Allocation& allocation : freed_) {
    if (find(address, 1) == nullptr && allocation.contains(value, 1)) {
      return text("in a freed allocation of %zu bytes", allocation.bytes);
    }
  }
  const auto after = std::upper_bound(live_.begin(), live_.end(), value, starts_after);
  if (after == live_.begin()) return "below every allocation";
  return locate_near(*(after - 1), value);
}

}  // namespace qlinear::emulated_device
