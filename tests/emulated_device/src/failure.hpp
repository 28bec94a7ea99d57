#pragma once

#include "grid.hpp"

#include <driver_types.h>

#include <cstdint>
#include <string>

namespace qlinear::emulated_device {

/// Says why a kernel was stopped or refused.
struct Failure {
  cudaError_t code;
  std::string message;
};

/// Returns, for example, "kernel 'gemm' grid (4,1,1) block (256,1,1)".
std::string describe(const LaunchRequest& launch);
/// Returns `describe` of its launch, and "block (2,0,0) thread (17,0,0)".
std::string describe(const Thread& thread);
/// Says what the threads of the grid's resident blocks wait for, one line a block.
std::string describe_waiting(const Grid& grid);

/// Prints `message` to stderr with the seed and keeps it for `last_failure()`.
void report(const std::string& message);
std::string last_reported();
void forget_reported();

std::uint64_t current_seed();
void set_current_seed(std::uint64_t seed);

}  // namespace qlinear::emulated_device
