#include "engine.hpp"
#include "settings.hpp"
#include "synchronisation.hpp"

#include <emulated_device/kernel_calls.hpp>

#include <cstring>

namespace qlinear::emulated_device {
namespace {

void wake_others(Block& block, const Thread& self) {
  for (Warp& warp : block.warps) {
    std::uint32_t lanes = ~warp.exited;
    if (&warp == self.warp) lanes &= ~(1U << self.lane);
    engine().wake(warp, lanes);
  }
}

/// Fails where threads have exited: a barrier of the whole block cannot complete as it was meant.
void check_divergence(const Block& block) {
  const BlockBarrier& barrier = block.barrier;
  if (barrier.arrived == 0 || barrier.arrived + block.exited < block.threads.size()) return;
  engine().fail(cudaErrorLaunchFailure,
                "diverged barrier: %u threads of the block wait at %s and %u have exited",
                barrier.arrived, barrier.instruction, block.exited);
}

void check_no_copy_in_flight(const Block& block) {
  if (!engine().has_deferred(block)) return;
  engine().fail(cudaErrorLaunchFailure,
                "the block exits while a copy to its shared memory is in flight");
}

}  // namespace

void synchronise_threads(int id, int threads) {
  constexpr const char* kInstruction = "bar.sync";
  Thread& self = engine().current(kInstruction);
  Block& block = block_of(self);
  const auto expected = static_cast<unsigned>(threads);
  if (id < 1 || id > 15 || threads < kWarpSize || threads % kWarpSize != 0 ||
      expected > block.threads.size()) {
    engine().fail(cudaErrorLaunchFailure,
                  "%s %d, %d: expected a barrier from 1 to 15 and whole warps of the block",
                  kInstruction, id, threads);
  }
  NamedBarrier& barrier = block.named_barriers[id];
  if (barrier.waiters.empty()) barrier.threads = expected;
  if (barrier.threads != expected) {
    engine().fail(cudaErrorLaunchFailure,
                  "%s %d of %u threads, but other threads wait there for %u", kInstruction, id,
                  expected, barrier.threads);
  }
  if (barrier.waiters.size() + 1 < expected) {
    barrier.waiters.push_back(&self);
    engine().park(kInstruction);
    return;
  }
  for (Thread* waiter : barrier.waiters) engine().wake(*waiter);
  barrier.waiters.clear();
  engine().yield();
}

unsigned synchronise_block(const char* instruction, bool predicate) {
  Thread& self = engine().current(instruction);
  Block& block = block_of(self);
  BlockBarrier& barrier = block.barrier;
  if (barrier.arrived > 0 && std::strcmp(barrier.instruction, instruction) != 0) {
    engine().fail(cudaErrorLaunchFailure,
                  "diverged barrier: this thread is at %s, %u threads of the block are at %s",
                  instruction, barrier.arrived, barrier.instruction);
  }
  barrier.instruction = instruction;
  ++barrier.arrived;
  if (predicate) ++barrier.predicates;
  if (barrier.arrived < block.threads.size()) {
    if (block.exited > 0) check_divergence(block);
    engine().park(instruction);
    return barrier.result;
  }
  const unsigned result = barrier.predicates;
  barrier = BlockBarrier{};
  barrier.result = result;
  wake_others(block, self);
  engine().yield();
  return result;
}

void leave_block(Thread& self) {
  self.copies.perform_all();
  check_no_lane_waits_for(self);
  check_no_multiply_in_flight(self);
  self.warp->exited |= 1U << self.lane;
  Block& block = block_of(self);
  ++block.exited;
  check_divergence(block);
  if (block.exited == block.threads.size()) {
    check_no_copy_in_flight(block);
    release_dependents(block);
  }
  leave_cluster(self);
}

}  // namespace qlinear::emulated_device
