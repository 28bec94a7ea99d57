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

}  // namespace qlinear::test
