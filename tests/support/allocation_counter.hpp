#pragma once

#include <cstddef>

namespace qlinear::test {

/// Calls of operator new by this thread so far. Those from within the library of the CUDA runtime,
/// or of its emulation, are left out. A program that links the definition counts from its start.
std::size_t allocation_count();

}  // namespace qlinear::test
