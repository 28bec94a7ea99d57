#pragma once

#include "allocations.hpp"
#include "failure.hpp"
#include "grid.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace qlinear::emulated_device {

/// The engine gets grids from it and tells it what became of them.
class GridSource {
 public:
  virtual ~GridSource() = default;
  /// Returns a grid that starts now, or null.
  virtual Grid* admit() = 0;
  /// Called when every block has called griddepcontrol.launch_dependents or ended.
  virtual void released(Grid& grid) = 0;
  /// Called when every block has ended. The engine has no more use for the grid.
  virtual void finished(Grid& grid) = 0;
};

/// Executes grids. Every CUDA thread is a fiber, one runs at a time, and chance decides which goes
/// on when one stops at a synchronising instruction.
class Engine {
 public:
  /// Runs grids of `source` until none is left or a thread fails.
  std::optional<Failure> run(GridSource& source, const Allocations& allocations, Random& random);

  /// Returns the thread that executes `instruction`. Ends the process if there is none, because
  /// host code called device code.
  Thread& current(const char* instruction) const;

  /// Fails unless the device has this compute capability or a later one.
  void require_capability(int capability, const char* instruction);

  /// Leaves the current thread until `wake`.
  void park(const char* instruction);
  /// Lets other threads run first, or not.
  void yield();
  /// Lets other threads run first.
  void give_way();
  void wake(Thread& thread);
  void wake(Warp& warp, std::uint32_t lanes);

  /// Stops everything. The message, as printf makes it, is completed with the place of the current
  /// thread. It is no string of the caller's: no frame of the thread is ever unwound, and under
  /// AddressSanitizer an object on the stack costs each call of a function, failure or not.
  [[noreturn, gnu::format(printf, 3, 4)]] void fail(cudaError_t code, const char* format, ...);

  /// Calls `fail` for an access of `bytes` at `address`. `place` says where that is; callers make
  /// the string in a function of its own.
  [[noreturn]] void fail_at(cudaError_t code, const char* instruction, std::size_t bytes,
                            const void* address, std::string place);

  /// Has `work` done at some later time, when no thread can run at the latest. It writes to the
  /// shared memory of `targets`, which must not exit before.
  void defer(std::vector<const Block*> targets, std::function<void()> work);
  bool has_deferred(const Block& target) const;

  /// Tells the source that `grid` no longer holds back programmatic dependents.
  void release(Grid& grid);

  /// Makes the host side look at the grids before another thread runs.
  void request_attention() { attention_ = true; }

  Random& random() { return *random_; }
  const Allocations& allocations() const { return *allocations_; }

  /// Returns the allocation with the `bytes` at `address`, quickly for recent ones.
  const Allocation* find_allocation(const void* address, std::size_t bytes);

 private:
  static void thread_main();
  [[noreturn]] void stop(cudaError_t code, std::string message);
  [[noreturn]] void exit_thread();
  Thread* take_next();
  Thread* take_ready();
  Thread* take_ready_thread();
  [[gnu::noinline]] void do_deferred();
  void activate(Thread& thread);
  void leave(Thread& thread);

  void step();
  void admit_grids();
  void start_clusters(Grid& grid);
  void start_threads(Block& block);
  void retire_clusters(Grid& grid);
  void retire_grids();
  void report_deadlock();
  void abandon();

  struct Deferred {
    std::vector<const Block*> targets;
    std::function<void()> work;
  };

  Fiber host_;
  Thread* current_ = nullptr;
  const Block* active_block_ = nullptr;
  bool attention_ = false;
  std::uint64_t idle_yields_ = 0;

  GridSource* source_ = nullptr;
  const Allocations* allocations_ = nullptr;
  Random* random_ = nullptr;
  std::vector<Grid*> grids_;
  Grid* favoured_ = nullptr;  ///< It runs before the others as long as it can.
  std::vector<Deferred> deferred_;
  std::optional<Failure> failure_;

  static constexpr std::size_t kRecent = 4;
  Allocation recent_[kRecent] = {};
  std::size_t oldest_recent_ = 0;

  std::deque<Stack> stacks_;
  std::vector<Stack*> free_stacks_;
};

Engine& engine();

}  // namespace qlinear::emulated_device
