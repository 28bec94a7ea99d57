#pragma once

#include <emulated_device/warpgroup_multiply.hpp>

#include <array>
#include <cstdint>
#include <deque>

namespace qlinear::emulated_device {

/// The wgmma of one warp that have been issued and not been performed.
struct WarpgroupMultiplies {
  struct Multiply {
    MultiplyShape shape;
    std::uint64_t a;
    std::uint64_t b;
    bool accumulate;
    std::uint64_t group;
    std::array<int*, 32> d;  ///< By lane.
  };

  std::deque<Multiply> pending;  ///< In the order of issue, which is that of execution.
  std::uint64_t group = 0;       ///< Groups committed so far: the number of the open one.
  bool fenced = false;           ///< wgmma.fence has come before the first one.

  void reset() {
    pending.clear();
    group = 0;
    fenced = false;
  }
};

}  // namespace qlinear::emulated_device
