#pragma once

#include "context_switch.hpp"

#include <cstddef>

namespace qlinear::emulated_device {

/// Memory for one fiber's stack, with an inaccessible page below it so that an overflow faults
/// instead of corrupting the neighbour.
class Stack {
 public:
  Stack();
  ~Stack();
  Stack(Stack&& other) noexcept;
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  Stack& operator=(Stack&&) = delete;

  void* bottom() const { return bottom_; }
  static std::size_t bytes();

 private:
  friend class Fiber;
  void* bottom_;
  bool in_use_ = false;  ///< True while a fiber that started on it has not ended.
};

/// A flow of control with a stack of its own. A default-constructed one stands for the host thread
/// that first switches away from it.
class Fiber {
 public:
  /// Makes the next switch to this fiber enter `entry` on `stack`, whatever it did before.
  void start(Stack& stack, ContextEntry entry);

  /// Leaves the running fiber, which is `*this`, for `to`. Returns when something switches back.
  void switch_to(Fiber& to);

  /// Like `switch_to`, but never comes back: `*this` has ended.
  void end_and_switch_to(Fiber& to);

  /// An entry function calls it first.
  static void entered();

  Stack& stack() const { return *stack_; }

 private:
  void* context_ = nullptr;
  void* sanitizer_state_ = nullptr;
  Stack* stack_ = nullptr;
  const void* stack_bottom_ = nullptr;
  std::size_t stack_bytes_ = 0;
};

}  // namespace qlinear::emulated_device
