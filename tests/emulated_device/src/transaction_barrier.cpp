#include <emulated_device/transaction_barrier.hpp>

#include "engine.hpp"
#include "settings.hpp"

#include <emulated_device/kernel_calls.hpp>

#include <cstring>

namespace qlinear::emulated_device {
namespace {

constexpr unsigned kMostArrivals = (1U << 20) - 1;
constexpr std::int64_t kMostBytes = (1 << 20) - 1;
constexpr std::size_t kBytes = 8;
constexpr const char* kInit = "mbarrier.init";
constexpr const char* kBarrierArrive = "mbarrier.arrive";
constexpr const char* kBarrierWait = "mbarrier.try_wait";

void complete_phase_if_due(TransactionBarrier& barrier) {
  if (barrier.pending > 0 || barrier.bytes != 0) return;
  ++barrier.phase;
  barrier.pending = barrier.arrivals;
  for (Thread* waiter : barrier.waiters) engine().wake(*waiter);
  barrier.waiters.clear();
}

void arrive(TransactionBarrier& barrier, std::int64_t bytes) {
  if (barrier.pending == 0) {
    engine().fail(cudaErrorLaunchFailure, "%s for the %uth time in a phase of %u arrivals",
                  kBarrierArrive, barrier.arrivals + 1, barrier.arrivals);
  }
  barrier.bytes += bytes;
  if (barrier.bytes > kMostBytes) {
    engine().fail(cudaErrorLaunchFailure, "%s expects %lld bytes in a phase, at most %lld",
                  kBarrierArrive, static_cast<long long>(barrier.bytes),
                  static_cast<long long>(kMostBytes));
  }
  --barrier.pending;
  complete_phase_if_due(barrier);
  engine().yield();
}

/// Returns the barrier at `address` of the calling block.
TransactionBarrier& own_barrier(const void* address, const char* instruction) {
  check_shared(address, kBytes, instruction);
  Block& block = block_of(engine().current(instruction));
  return find_barrier(block, block.shared.offset_of(address), instruction);
}

}  // namespace

TransactionBarrier& find_barrier(Block& block, std::uintptr_t offset, const char* instruction) {
  const auto found = block.transaction_barriers.find(offset);
  if (found == block.transaction_barriers.end()) {
    engine().fail(cudaErrorLaunchFailure,
                  "%s at offset %zu of shared memory of block rank %u, where no mbarrier has been "
                  "initialised",
                  instruction, offset, block.rank);
  }
  return found->second;
}

void complete_transaction(TransactionBarrier& barrier, std::size_t bytes) {
  barrier.bytes -= static_cast<std::int64_t>(bytes);
  complete_phase_if_due(barrier);
}

void initialise_barrier(const void* barrier, unsigned arrivals) {
  check_shared(barrier, kBytes, kInit);
  Block& block = block_of(engine().current(kInit));
  if (arrivals < 1 || arrivals > kMostArrivals) {
    engine().fail(cudaErrorLaunchFailure, "%s with %u arrivals, expected 1 to %u", kInit, arrivals,
                  kMostArrivals);
  }
  const std::uintptr_t offset = block.shared.offset_of(barrier);
  const bool is_new =
      block.transaction_barriers.emplace(offset, TransactionBarrier{arrivals, arrivals, 0, 0, {}})
          .second;
  if (!is_new) {
    engine().fail(cudaErrorLaunchFailure, "%s at offset %zu, where there is an mbarrier already",
                  kInit, offset);
  }
  engine().yield();
}

void arrive_expecting(const void* barrier, unsigned bytes) {
  arrive(own_barrier(barrier, kBarrierArrive), bytes);
}

void arrive_in_cluster(const void* barrier, unsigned rank) {
  map_shared_rank(barrier, rank, kBytes, kBarrierArrive);
  const Block& own = block_of(engine().current(kBarrierArrive));
  arrive(find_barrier(own.cluster->blocks[rank], own.shared.offset_of(barrier), kBarrierArrive), 0);
}

void store_async(void* address, const uint4& value, const void* barrier, unsigned rank) {
  constexpr const char* kStore = "st.async";
  auto* target = static_cast<unsigned char*>(map_shared_rank(address, rank, sizeof(value), kStore));
  check_shared(barrier, kBytes, kStore);
  const Block& own = block_of(engine().current(kStore));
  if (own.cluster->blocks.size() == 1) {  // An H200 refuses it, too.
    engine().fail(cudaErrorIllegalInstruction, "%s in a grid that was launched without clusters",
                  kStore);
  }
  Block& other = own.cluster->blocks[rank];
  const std::uintptr_t barrier_offset = own.shared.offset_of(barrier);
  find_barrier(other, barrier_offset, kStore);
  const auto perform = [target, value, &other, barrier_offset] {
    std::memcpy(target, &value, sizeof(value));
    complete_transaction(find_barrier(other, barrier_offset, kStore), sizeof(value));
  };
  if (engine().random().one_in(4)) {
    perform();
    return;
  }
  if (engine().random().one_in(2)) fill_with_garbage(target, sizeof(value), engine().random());
  engine().defer({&other}, perform);
}

void wait_for_phase(const void* barrier, unsigned parity) {
  if (parity > 1) {
    engine().current(kBarrierWait);
    engine().fail(cudaErrorLaunchFailure, "%s for parity %u", kBarrierWait, parity);
  }
  TransactionBarrier& own = own_barrier(barrier, kBarrierWait);
  while (own.phase % 2 == parity) {
    own.waiters.push_back(&engine().current(kBarrierWait));
    engine().park(kBarrierWait);
  }
}

}  // namespace qlinear::emulated_device
