#pragma once

#include <driver_types.h>

#include <chrono>
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

/// Fails `count` calls of the runtime's function `call`, after `skipped` that succeed, with
/// `error`. Functions that ask `injected_failure` take part; a kernel launch is
/// "cudaLaunchKernelExC".
void fail_calls(const char* call, cudaError_t error, int skipped = 0, int count = 1);

/// Forgets the failures that no call has met.
void clear_failing_calls();

/// Holds each cudaFuncSetAttribute back by up to `most` before it takes effect, and as long before
/// it returns: the time that lazy loading takes.
void delay_function_attributes(std::chrono::microseconds most);

}  // namespace qlinear::emulated_device
