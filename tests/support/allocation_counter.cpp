#include "allocation_counter.hpp"

#include <dlfcn.h>
#include <execinfo.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace {

thread_local bool counting = false;
thread_local std::size_t allocations = 0;
thread_local std::size_t allocation_limit = std::numeric_limits<std::size_t>::max();

bool is_cuda_runtime(const void* code) {
  Dl_info module{};
  if (dladdr(code, &module) == 0) return false;
  return std::strstr(module.dli_fname, "emulated_device") != nullptr ||
         std::strstr(module.dli_fname, "libcudart") != nullptr;
}

/// The caller alone does not tell: templates of the standard library are shared between modules.
bool called_from_cuda_runtime() {
  std::array<void*, 64> frames{};
  const int count = backtrace(frames.data(), static_cast<int>(frames.size()));
  for (int i = 0; i < count; ++i) {
    if (is_cuda_runtime(frames[static_cast<std::size_t>(i)])) return true;
  }
  return false;
}

void* allocate(std::size_t bytes) {
  if (counting) {
    counting = false;
    const bool ours = !called_from_cuda_runtime();
    if (ours) ++allocations;
    counting = true;
    if (ours && allocations > allocation_limit) throw std::bad_alloc();
  }
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

void* allocate_or_null(std::size_t bytes) noexcept {
  try {
    return allocate(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

// Those that do not throw, too: AddressSanitizer's of g++ 14 do not call the others, and what they
// give is nothing to be freed here.
void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace qlinear::test {

AllocationCounter::AllocationCounter() {
  allocations = 0;
  counting = true;
}
AllocationCounter::~AllocationCounter() { counting = false; }
std::size_t AllocationCounter::count() const { return allocations; }

AllocationLimit::AllocationLimit(std::size_t allowed) {
  allocations = 0;
  allocation_limit = allowed;
  counting = true;
}
AllocationLimit::~AllocationLimit() {
  counting = false;
  allocation_limit = std::numeric_limits<std::size_t>::max();
}

}  // namespace qlinear::test
