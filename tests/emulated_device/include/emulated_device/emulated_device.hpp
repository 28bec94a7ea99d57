#pragma once

#include <driver_types.h>

#include <chrono>
#include <cstdint>
#include <string>

// A test may ask this of the emulated device beyond the CUDA runtime.

namespace qlinear::emulated_device {

/// Returns the seed of the choices since it was set; at first it is QLINEAR_EMULATED_SEED.
std::uint64_t seed();

/// Restarts the sequence of choices. With the same calls from one host thread it reproduces a run.
void set_seed(std::uint64_t seed);

/// Says why the latest kernel was stopped or refused, with kernel, block, thread and seed; empty if
/// none was since `clear_failure`.
std::string last_failure();

/// Revives the devices after a failed kernel, which CUDA does not offer. Drops what was submitted
/// after that kernel.
void clear_failure();

/// Fails `count` calls of the runtime's function `call`, after `skipped` that succeed, with
/// `error`. Functions that ask `injected_failure` take part; a kernel launch is
/// "cudaLaunchKernelExC".
void fail_calls(const char* call, cudaError_t error, int skipped = 0, int count = 1);

/// Forgets the failures that no call has met yet.
void clear_failing_calls();

/// Delays each cudaFuncSetAttribute by up to `most` before it takes effect, and as long before it
/// returns, as lazy loading does.
void delay_function_attributes(std::chrono::microseconds most);

}  // namespace qlinear::emulated_device
