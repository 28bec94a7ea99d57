#pragma once

#include <cstddef>

namespace qlinear::test {

/// Counts calls of operator new by this thread while it exists. Those that the CUDA runtime, or its
/// emulation, makes are left out.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  std::size_t count() const;
};

/// Lets operator new succeed `allowed` times on this thread while it exists, then fail. The CUDA
/// runtime and its emulation get their memory all the same.
class AllocationLimit {
 public:
  explicit AllocationLimit(std::size_t allowed);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;
};

}  // namespace qlinear::test
