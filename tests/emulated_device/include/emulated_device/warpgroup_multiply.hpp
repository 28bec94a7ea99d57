#pragma once

#include <cstdint>

namespace qlinear::emulated_device {

void fence_multiply();
void commit_multiply_group();
void wait_multiply_group(unsigned pending);

/// A wgmma.m64nNk32 of 8-bit integers computes d (N / 2 registers of this lane) = (`accumulate` ? d
/// : 0) + a · bᵀ at a random time, at the latest in the group's wait.
struct MultiplyShape {
  unsigned n;
  bool unsigned_a;
  bool unsigned_b;
};
void multiply_async(const MultiplyShape& shape, int* d, std::uint64_t a, std::uint64_t b,
                    bool accumulate);

}  // namespace qlinear::emulated_device
