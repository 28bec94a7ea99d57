#pragma once

namespace consumer {

/// Runs a small layer of ones on the device; true if every output equals the CPU reference's.
bool multiply_ones();

}  // namespace consumer
