#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace qlinear::emulated_device {

struct Thread;

/// An mbarrier. Its phase completes when no arrival and no byte is pending.
struct TransactionBarrier {
  unsigned arrivals;  ///< A phase expects this many.
  unsigned pending;
  /// Bytes that are expected and have not arrived; negative if they came early.
  std::int64_t bytes = 0;
  unsigned phase = 0;
  std::vector<Thread*> waiters;
};

/// The mbarriers of a block, by their offset in its shared memory.
using TransactionBarriers = std::map<std::uintptr_t, TransactionBarrier>;

struct Block;

/// Returns the barrier at `offset` of the block's shared memory; stops the current thread if none
/// has been initialised there.
TransactionBarrier& find_barrier(Block& block, std::uintptr_t offset, const char* instruction);

/// Counts bytes that have arrived.
void complete_transaction(TransactionBarrier& barrier, std::size_t bytes);

}  // namespace qlinear::emulated_device
