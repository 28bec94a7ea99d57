#pragma once

#include "async_copies.hpp"
#include "fiber.hpp"
#include "random.hpp"
#include "ready_warps.hpp"
#include "shared_memory.hpp"
#include "transaction_barriers.hpp"
#include "warpgroup_multiplies.hpp"

#include <emulated_device/launch_request.hpp>
#include <emulated_device/warp_operation.hpp>

#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

// A kernel in execution is a grid of clusters of blocks of warps of threads.

namespace qlinear::emulated_device {

/// Counts the blocks of a grid or a cluster, or the threads of a block.
inline std::uint64_t volume(const dim3& extent) {
  return std::uint64_t{extent.x} * extent.y * extent.z;
}

struct Warp;
struct Block;
struct Cluster;
struct Grid;

struct Thread {
  Warp* warp = nullptr;
  unsigned lane = 0;
  uint3 index{};
  Fiber fiber;
  const char* waiting_at = nullptr;  ///< It is parked at this instruction.
  bool cluster_arrived = false;      ///< It is between barrier.cluster.arrive and .wait.
  std::uint64_t cluster_phase = 0;   ///< The phase of its latest barrier.cluster.arrive.
  AsyncCopies copies;
};

inline constexpr std::uint32_t kAllLanes = 0xffffffffU;

/// Sets of lanes are bit masks.
struct Warp {
  /// A lane's part in a warp-wide instruction that waits for other lanes.
  struct Arrival {
    const WarpOperation* operation;
    std::uint32_t mask;
    void* arguments;
  };

  Block* block = nullptr;
  Thread* lanes = nullptr;
  std::uint32_t ready = 0;
  std::uint32_t exited = 0;  ///< These include the lanes that a last, partial warp does not have.
  std::uint32_t arrived = 0;
  Arrival arrivals[32];
  std::size_t ready_position = 0;  ///< Its position in the grid's `ReadyWarps`.
};

/// The barrier of bar.sync and bar.red of a whole block.
struct BlockBarrier {
  const char* instruction = nullptr;
  unsigned arrived = 0;
  unsigned predicates = 0;  ///< Counts the threads of this phase whose predicate was true.
  unsigned result = 0;      ///< Holds `predicates` of the phase that ended last.
};

/// A barrier of bar.sync with a number from 1 to 15.
struct NamedBarrier {
  unsigned threads = 0;  ///< The phase in progress expects this many.
  std::vector<Thread*> waiters;
};

struct Block {
  Cluster* cluster = nullptr;
  uint3 index{};
  unsigned rank = 0;  ///< Its rank in the cluster.
  unsigned exited = 0;
  bool released = false;  ///< It has called griddepcontrol.launch_dependents or ended.
  BlockBarrier barrier;
  NamedBarrier named_barriers[16];
  TransactionBarriers transaction_barriers;
  SharedMemory shared;
  std::vector<Warp> warps;
  std::vector<WarpgroupMultiplies> warpgroups;
  std::vector<Thread> threads;
};

/// Blocks that are resident together. A launch without clusters has clusters of one block.
struct Cluster {
  Grid* grid = nullptr;
  std::vector<Block> blocks;
  unsigned exited = 0;
  unsigned arrived = 0;  ///< Counts the threads that have arrived at barrier.cluster in this phase.
  std::uint64_t phase = 0;
  std::vector<Thread*> barrier_waiters;

  unsigned threads() const;
  bool finished() const { return exited == threads(); }
};

/// An order of the numbers [0, count) by a start and a stride that is coprime to count.
class ShuffledOrder {
 public:
  ShuffledOrder(std::uint64_t count, Random& random);
  std::uint64_t at(std::uint64_t position) const;

 private:
  std::uint64_t count_;
  std::uint64_t start_;
  std::uint64_t stride_;
};

struct Grid {
  Grid(const LaunchRequest& request, int device_ordinal, Random& random);

  const LaunchRequest& launch;
  int device;
  dim3 cluster_grid;  ///< The grid's dimensions, counted in clusters.
  std::uint64_t clusters;
  ShuffledOrder order;
  unsigned resident_limit;  ///< This many clusters may be resident.
  ReadyWarps ready;
  std::uint64_t started = 0;
  std::uint64_t finished = 0;
  std::vector<std::unique_ptr<Cluster>> resident;
  std::vector<std::unique_ptr<Cluster>> idle;  ///< Later clusters reuse them.

  /// Counts the blocks that have called griddepcontrol.launch_dependents or ended.
  std::uint64_t released_blocks = 0;
  bool prerequisites_finished = true;
  std::vector<Thread*> dependency_waiters;

  std::uint64_t blocks() const;
  unsigned threads_per_block() const;
  bool has_finished() const { return finished == clusters; }
};

inline Block& block_of(const Thread& thread) { return *thread.warp->block; }
inline Cluster& cluster_of(const Thread& thread) { return *block_of(thread).cluster; }
inline Grid& grid_of(const Thread& thread) { return *cluster_of(thread).grid; }

/// Places cluster `number` of the grid: coordinates, warps and threads, poisoned shared memory.
void prepare_cluster(Cluster& cluster, Grid& grid, std::uint64_t number, Random& random);

}  // namespace qlinear::emulated_device
