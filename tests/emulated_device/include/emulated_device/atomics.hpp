#pragma once

#include <emulated_device/kernel_calls.hpp>

#include <type_traits>

// CUDA's atomic functions on int, unsigned and unsigned long long, in global and shared memory. One
// thread runs at a time, so a plain read and write is atomic.

namespace qlinear::emulated_device {

template <class T, class Change>
T change_atomically(T* address, const char* instruction, Change change) {
  static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned> ||
                std::is_same_v<T, unsigned long long>);
  yield_thread();
  check_generic(address, sizeof(T), instruction);
  const T old = *address;
  *address = change(old);
  return old;
}

/// Sums of atomics wrap, even signed ones.
template <class T>
T wrapping_sum(T a, T b) {
  using Unsigned = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
}

/// The operand does not take part in deducing T, as with CUDA's overloads.
template <class T>
using Operand = std::common_type_t<T>;

}  // namespace qlinear::emulated_device

template <class T>
T atomicAdd(T* address, qlinear::emulated_device::Operand<T> value) {
  return qlinear::emulated_device::change_atomically(address, "atomicAdd", [value](T old) {
    return qlinear::emulated_device::wrapping_sum(old, value);
  });
}

template <class T>
T atomicSub(T* address, qlinear::emulated_device::Operand<T> value) {
  return qlinear::emulated_device::change_atomically(address, "atomicSub", [value](T old) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(old) - static_cast<Unsigned>(value));
  });
}

template <class T>
T atomicMax(T* address, qlinear::emulated_device::Operand<T> value) {
  return qlinear::emulated_device::change_atomically(
      address, "atomicMax", [value](T old) { return old < value ? value : old; });
}

template <class T>
T atomicMin(T* address, qlinear::emulated_device::Operand<T> value) {
  return qlinear::emulated_device::change_atomically(
      address, "atomicMin", [value](T old) { return value < old ? value : old; });
}

template <class T>
T atomicOr(T* address, qlinear::emulated_device::Operand<T> value) {
  return qlinear::emulated_device::change_atomically(
      address, "atomicOr", [value](T old) { return static_cast<T>(old | value); });
}

template <class T>
T atomicAnd(T* address, qlinear::emulated_device::Operand<T> value) {
  return qlinear::emulated_device::change_atomically(
      address, "atomicAnd", [value](T old) { return static_cast<T>(old & value); });
}

template <class T>
T atomicExch(T* address, qlinear::emulated_device::Operand<T> value) {
  return qlinear::emulated_device::change_atomically(address, "atomicExch",
                                                     [value](T) { return value; });
}

template <class T>
T atomicCAS(T* address, qlinear::emulated_device::Operand<T> expected,
            qlinear::emulated_device::Operand<T> desired) {
  return qlinear::emulated_device::change_atomically(
      address, "atomicCAS", [expected, desired](T old) { return old == expected ? desired : old; });
}

/// Counts from 0 to `last` and around.
inline unsigned atomicInc(unsigned* address, unsigned last) {
  return qlinear::emulated_device::change_atomically(
      address, "atomicInc", [last](unsigned old) { return old >= last ? 0U : old + 1; });
}

inline unsigned atomicDec(unsigned* address, unsigned last) {
  return qlinear::emulated_device::change_atomically(address, "atomicDec", [last](unsigned old) {
    return old == 0 || old > last ? last : old - 1;
  });
}
