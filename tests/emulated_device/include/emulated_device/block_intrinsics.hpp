#pragma once

#include <emulated_device/kernel_calls.hpp>

#include <chrono>
#include <cstddef>

// These are CUDA's intrinsics for the block, the clock and memory order.

inline void __syncthreads() { qlinear::emulated_device::synchronise_block("__syncthreads", false); }

inline int __syncthreads_count(int predicate) {
  return static_cast<int>(
      qlinear::emulated_device::synchronise_block("__syncthreads_count", predicate != 0));
}

inline int __syncthreads_or(int predicate) {
  return qlinear::emulated_device::synchronise_block("__syncthreads_or", predicate != 0) != 0 ? 1
                                                                                              : 0;
}

inline int __syncthreads_and(int predicate) {
  return qlinear::emulated_device::synchronise_block("__syncthreads_and", predicate == 0) == 0 ? 1
                                                                                               : 0;
}

// Writes are visible at once here; the order of threads shows what a missing fence would break.
inline void __threadfence() { qlinear::emulated_device::yield_thread(); }
inline void __threadfence_block() { qlinear::emulated_device::yield_thread(); }
inline void __threadfence_system() { qlinear::emulated_device::yield_thread(); }

inline long long clock64() {
  qlinear::emulated_device::yield_thread();
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

inline void __nanosleep(unsigned /*nanoseconds*/) { qlinear::emulated_device::yield_thread(); }

[[noreturn]] inline void __trap() { qlinear::emulated_device::trap("__trap"); }

inline std::size_t __cvta_generic_to_shared(const void* address) {
  return qlinear::emulated_device::shared_window_address(address);
}
