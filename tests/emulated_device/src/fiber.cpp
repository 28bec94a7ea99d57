#include "fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define QLINEAR_EMULATED_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QLINEAR_EMULATED_ASAN 1
#endif
#endif

#if defined(QLINEAR_EMULATED_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace qlinear::emulated_device {
namespace {

#if defined(QLINEAR_EMULATED_ASAN)
// Instrumented frames are larger than ordinary ones.
constexpr std::size_t kStackBytes = 256 * 1024;
#else
constexpr std::size_t kStackBytes = 128 * 1024;
#endif
constexpr std::size_t kExitFramesBytes = 4096;

std::size_t guard_bytes() {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return page;
}

/// Holds the fiber that is being left, so that the other side of the switch can complete the
/// bookkeeping.
Fiber* g_left = nullptr;

// AddressSanitizer keeps track of stacks. These functions tell it of a switch, and are empty
// without it.

void before_switch([[maybe_unused]] void** state, [[maybe_unused]] const void* bottom,
                   [[maybe_unused]] std::size_t bytes) {
#if defined(QLINEAR_EMULATED_ASAN)
  __sanitizer_start_switch_fiber(state, bottom, bytes);
#endif
}

void after_switch([[maybe_unused]] void* state, [[maybe_unused]] const void** left_bottom,
                  [[maybe_unused]] std::size_t* left_bytes) {
#if defined(QLINEAR_EMULATED_ASAN)
  __sanitizer_finish_switch_fiber(state, left_bottom, left_bytes);
#endif
}

void forget_frames([[maybe_unused]] void* bottom, [[maybe_unused]] std::size_t bytes) {
#if defined(QLINEAR_EMULATED_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(bottom, bytes);
#endif
}

}  // namespace

Stack::Stack() {
  void* memory = mmap(nullptr, guard_bytes() + kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard_bytes(), PROT_NONE) != 0) {
    std::perror("qlinear emulated device: cannot map a stack for a thread");
    std::abort();
  }
  bottom_ = static_cast<char*>(memory) + guard_bytes();
}

Stack::~Stack() {
  if (bottom_ == nullptr) return;
  munmap(static_cast<char*>(bottom_) - guard_bytes(), guard_bytes() + kStackBytes);
}

Stack::Stack(Stack&& other) noexcept : bottom_(std::exchange(other.bottom_, nullptr)) {}

std::size_t Stack::bytes() { return kStackBytes; }

void Fiber::start(Stack& stack, ContextEntry entry) {
  // A fiber that ended leaves only the frames of its way out; an abandoned one leaves any number.
  const std::size_t stale = stack.in_use_ ? Stack::bytes() : kExitFramesBytes;
  forget_frames(static_cast<char*>(stack.bottom()) + Stack::bytes() - stale, stale);
  stack.in_use_ = true;
  stack_ = &stack;
  stack_bottom_ = stack.bottom();
  stack_bytes_ = Stack::bytes();
  sanitizer_state_ = nullptr;
  context_ = make_context(stack.bottom(), Stack::bytes(), entry);
}

void Fiber::switch_to(Fiber& to) {
  g_left = this;
  before_switch(&sanitizer_state_, to.stack_bottom_, to.stack_bytes_);
  switch_context(&context_, to.context_);
  after_switch(sanitizer_state_, &g_left->stack_bottom_, &g_left->stack_bytes_);
}

void Fiber::end_and_switch_to(Fiber& to) {
  stack_->in_use_ = false;
  g_left = this;
  before_switch(nullptr, to.stack_bottom_, to.stack_bytes_);
  switch_context(&context_, to.context_);
}

void Fiber::entered() { after_switch(nullptr, &g_left->stack_bottom_, &g_left->stack_bytes_); }

}  // namespace qlinear::emulated_device
