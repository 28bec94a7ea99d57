#include "engine.hpp"
#include "synchronisation.hpp"

#include <emulated_device/kernel_calls.hpp>

namespace qlinear::emulated_device {
namespace {

bool names(std::uint32_t mask, unsigned lane) { return ((mask >> lane) & 1U) != 0; }

void check_mask(const Thread& self, const WarpOperation& operation, std::uint32_t mask) {
  if (!names(mask, self.lane)) {
    engine().fail(cudaErrorLaunchFailure,
                  "%s with mask 0x%08x, which does not name the calling lane %u", operation.name,
                  mask, self.lane);
  }
  if ((mask & self.warp->exited) != 0) {
    engine().fail(cudaErrorLaunchFailure,
                  "%s with mask 0x%08x, which names lanes 0x%08x that do not exist or have exited",
                  operation.name, mask, mask & self.warp->exited);
  }
}

/// Checks that all lanes of the mask wait for the same.
void check_agreement(const Thread& self, std::uint32_t mask) {
  const Warp::Arrival& mine = self.warp->arrivals[self.lane];
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!names(mask, lane)) continue;
    const Warp::Arrival& other = self.warp->arrivals[lane];
    if (other.operation == mine.operation && other.mask == mine.mask) continue;
    engine().fail(
        cudaErrorLaunchFailure,
        "diverged warp: lane %u is at %s with mask 0x%08x, lane %u at %s with mask 0x%08x",
        self.lane, mine.operation->name, mine.mask, lane, other.operation->name, other.mask);
  }
}

/// It is a function of its own, so that AddressSanitizer handles the array once an instruction, not
/// once a lane.
[[gnu::noinline]] void execute(const WarpOperation& operation, const Warp& warp,
                               std::uint32_t mask) {
  void* lanes[32];
  for (unsigned lane = 0; lane < 32; ++lane) lanes[lane] = warp.arrivals[lane].arguments;
  operation.execute(WarpArguments{lanes, mask});
}

}  // namespace

void execute_with_warp(const WarpOperation& operation, std::uint32_t mask, void* arguments) {
  Thread& self = engine().current(operation.name);
  Warp& warp = *self.warp;
  const std::uint32_t own = 1U << self.lane;
  check_mask(self, operation, mask);
  Warp::Arrival& arrival = warp.arrivals[self.lane];
  arrival.operation = &operation;
  arrival.mask = mask;
  arrival.arguments = arguments;
  warp.arrived |= own;
  if ((warp.arrived & mask) != mask) {
    engine().park(operation.name);
    return;
  }
  check_agreement(self, mask);
  execute(operation, warp, mask);
  warp.arrived &= ~mask;
  engine().wake(warp, mask & ~own);
  engine().yield();
}

void check_no_lane_waits_for(const Thread& self) {
  const Warp& warp = *self.warp;
  if (warp.arrived == 0) return;
  for (unsigned lane = 0; lane < 32; ++lane) {
    const Warp::Arrival& arrival = warp.arrivals[lane];
    if (!names(warp.arrived, lane) || !names(arrival.mask, self.lane)) continue;
    engine().fail(cudaErrorLaunchFailure,
                  "lane %u exits while lane %u waits for it at %s with mask 0x%08x", self.lane,
                  lane, arrival.operation->name, arrival.mask);
  }
}

}  // namespace qlinear::emulated_device
