#pragma once

#include <cstddef>
#include <functional>

namespace qlinear::tools {

/// Calls `work(i)` for every i below `count`, in this order, by `threads` threads. Stops early at
/// an exception, which it throws again, and at a signal: see `stop_if_interrupted`.
void for_each_in_parallel(std::size_t count, int threads,
                          const std::function<void(std::size_t)>& work);

/// The number of processors that this process may use.
int available_threads();

}  // namespace qlinear::tools
