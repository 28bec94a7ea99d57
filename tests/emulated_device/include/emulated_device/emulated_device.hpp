#pragma once

#include <cstdint>
#include <string>

// What a test may ask of the emulated device beyond the CUDA runtime.

namespace qlinear::emulated_device {

/// Seed of the choices made since it was set: QLINEAR_EMULATED_SEED to begin with.
std::uint64_t seed();

/// Starts the sequence of choices anew. Together with the same calls from one host thread it
/// reproduces a run.
void set_seed(std::uint64_t seed);

/// Why the latest kernel was stopped or refused, with kernel, block, thread and seed; empty if none
/// was since `clear_failure`.
std::string last_failure();

/// Brings the devices back to life after a failed kernel, which CUDA does not offer. What was
/// submitted behind the kernel is dropped.
void clear_failure();

}  // namespace qlinear::emulated_device
