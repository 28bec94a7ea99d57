#pragma once

#include <emulated_device/warpgroup_multiply.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace qlinear::emulated_device {

struct Thread;

/// The wgmma of one warpgroup. Its four warps issue each of them on their own, but it is one
/// operation: it cannot run before the fourth has come, and is complete for all at once.
struct WarpgroupMultiplies {
  static constexpr unsigned kWarps = 4;

  struct Multiply {
    MultiplyShape shape;
    std::uint64_t a;
    std::uint64_t b;
    bool accumulate;
    unsigned warps_issued = 0;
    std::array<int*, kWarps * 32> d{};  ///< Registers, by thread of the warpgroup.
  };

  struct WarpProgress {
    bool fenced = false;  ///< wgmma.fence has come before the first one.
    std::uint64_t issued = 0;
    std::vector<std::uint64_t> committed;  ///< `issued` at each wgmma.commit_group.
  };

  std::deque<Multiply> pending;  ///< In the order of issue, which is that of execution.
  std::uint64_t performed = 0;
  WarpProgress warps[kWarps];
  std::vector<Thread*> waiters;  ///< At wgmma.wait_group, for another warp to issue its part.
};

/// Stops a thread that exits while registers of it may still be written.
void check_no_multiply_in_flight(const Thread& self);

}  // namespace qlinear::emulated_device
