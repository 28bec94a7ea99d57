#pragma once

#include <runtime/launch.cuh>

#include <algorithm>
#include <cstdint>

namespace qlinear::benchmark {

inline constexpr unsigned kThreads = 256;

/// Launches enough blocks of `kThreads` for one thread an item, or a grid that strides over the
/// items.
inline kernels::LaunchConfig grid_stride(const char* name, std::int64_t items,
                                         cudaStream_t stream) {
  constexpr std::int64_t kMaxBlocks = 1 << 16;
  const std::int64_t blocks =
      std::clamp<std::int64_t>((items + kThreads - 1) / kThreads, 1, kMaxBlocks);
  return {name, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, stream};
}

}  // namespace qlinear::benchmark
