#pragma once

#include <cstddef>

namespace qlinear::kernels {

/// The system reserves this much shared memory for each block.
inline constexpr std::size_t kReservedSharedBytes = 1024;

}  // namespace qlinear::kernels
