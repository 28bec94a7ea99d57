#include "context_switch.hpp"

#include <cstdint>

#if defined(__x86_64__) || defined(__aarch64__)

extern "C" void qlinear_emulated_switch_context(void** from, void* to);

#if defined(__x86_64__)

asm(R"(
  .text
  .globl qlinear_emulated_switch_context
  .hidden qlinear_emulated_switch_context
  .type qlinear_emulated_switch_context, @function
qlinear_emulated_switch_context:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size qlinear_emulated_switch_context, . - qlinear_emulated_switch_context
)");

namespace {
constexpr std::size_t kSavedWords = 7;    // six registers and the return address
constexpr std::size_t kReturnWord = 6;    // where `ret` finds the entry
constexpr std::size_t kPaddingWords = 1;  // keeps the stack as after a call: 8 mod 16
}  // namespace

#else

asm(R"(
  .text
  .globl qlinear_emulated_switch_context
  .hidden qlinear_emulated_switch_context
  .type qlinear_emulated_switch_context, %function
qlinear_emulated_switch_context:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size qlinear_emulated_switch_context, . - qlinear_emulated_switch_context
)");

namespace {
constexpr std::size_t kSavedWords = 20;  // twelve general registers and eight of floating point
constexpr std::size_t kReturnWord = 11;  // x30
constexpr std::size_t kPaddingWords = 0;
}  // namespace

#endif

namespace qlinear::emulated_device {

void* make_context(void* bottom, std::size_t bytes, ContextEntry entry) {
  const std::uintptr_t top =
      (reinterpret_cast<std::uintptr_t>(bottom) + bytes) & ~std::uintptr_t{15};
  auto* context = reinterpret_cast<std::uintptr_t*>(top) - kPaddingWords - kSavedWords;
  for (std::size_t i = 0; i < kSavedWords; ++i) context[i] = 0;
  context[kReturnWord] = reinterpret_cast<std::uintptr_t>(entry);
  return context;
}

void switch_context(void** from, void* to) { qlinear_emulated_switch_context(from, to); }

}  // namespace qlinear::emulated_device

#else  // other processors: slower, through the C library

#include <ucontext.h>

#include <new>

namespace qlinear::emulated_device {

void* make_context(void* bottom, std::size_t bytes, ContextEntry entry) {
  auto* context = new (bottom) ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = context + 1;
  context->uc_stack.ss_size = bytes - sizeof(ucontext_t);
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
  return context;
}

void switch_context(void** from, void* to) {
  ucontext_t here;
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}

}  // namespace qlinear::emulated_device

#endif
