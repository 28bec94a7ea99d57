#pragma once

#include <cstddef>

namespace qlinear::kernels {

/// The system takes these of each block's share of a multiprocessor's shared memory.
inline constexpr std::size_t kReservedSharedBytes = 1024;

}  // namespace qlinear::kernels
