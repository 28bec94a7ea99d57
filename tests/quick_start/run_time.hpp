#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace qlinear::quick_start {

inline constexpr int kTimedRuns = 200;

/// Time between two CUDA events around `enqueue`, as the median of `kTimedRuns` runs behind a
/// warm-up. `enqueue` puts its work on `stream`.
double median_microseconds(cudaStream_t stream, const std::function<void()>& enqueue);

}  // namespace qlinear::quick_start
