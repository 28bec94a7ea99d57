#pragma once

#include <emulated_device/warpgroup_multiply.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace qlinear::emulated_device {

struct Thread;

/// The wgmma of one warpgroup. Its four warps issue each on their own, but it is one operation: it
/// cannot run before the fourth has issued it, and completes for all at once.
struct WarpgroupMultiplies {
  static constexpr unsigned kWarps = 4;

  struct Multiply {
    MultiplyShape shape;
    std::uint64_t a;
    std::uint64_t b;
    bool accumulate;
    unsigned warps_issued = 0;
    std::array<int*, kWarps * 32> d{};  ///< A thread's registers, by its number in the warpgroup.
  };

  struct WarpProgress {
    bool fenced = false;  ///< wgmma.fence has preceded the first one.
    std::uint64_t issued = 0;
    std::vector<std::uint64_t> committed;  ///< Holds `issued` at each wgmma.commit_group.
  };

  std::deque<Multiply> pending;  ///< They stand in the order of issue, which is that of execution.
  std::uint64_t performed = 0;
  WarpProgress warps[kWarps];
  /// These wait at wgmma.wait_group for another warp to issue its part.
  std::vector<Thread*> waiters;
};

/// Stops a thread that exits while registers of it may still be written.
void check_no_multiply_in_flight(const Thread& self);

}  // namespace qlinear::emulated_device
