#pragma once

#include <harness/bench.hpp>

namespace qlinear::benchmark {

/// Registers rows for what the host pays for a call of `select` and of `run`: medians of wall-clock
/// times with a stream that never fills up, for one token of the first layer.
void register_host_cost(Bench& bench);

}  // namespace qlinear::benchmark
