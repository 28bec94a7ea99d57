#pragma once

#include "allocations.hpp"
#include "engine.hpp"
#include "grid.hpp"
#include "random.hpp"

#include <emulated_device/launch_request.hpp>

#include <driver_types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace qlinear::emulated_device {

/// What a stream or a graph is asked to do: launch a kernel, or work on the host side.
struct Task {
  cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
  std::function<void()> work;                   ///< May be empty: an operation that only orders.
  std::shared_ptr<const LaunchRequest> launch;  ///< Of a kernel, which has no `work`.
};

struct Operation;
using OperationPointer = std::shared_ptr<Operation>;

/// Full: starts after completion. Programmatic: starts when the blocks of the predecessor, a
/// kernel, have released their dependents.
enum class Edge : std::uint8_t { Full, Programmatic };

struct Dependency {
  OperationPointer operation;
  Edge edge;
};

/// One task in a place of the order of things.
struct Operation {
  /// A kernel has finished when its blocks have ended, and is complete when also the kernels that
  /// it is programmatically dependent on are: it may never have waited for them.
  enum class State : std::uint8_t { Pending, Ready, Running, Finished, Complete };

  Task task;
  int device = 0;
  State state = State::Pending;
  bool released = false;                  ///< Programmatic dependents may start.
  bool wanted = false;                    ///< Someone waits for it or for what depends on it.
  unsigned blockers = 0;                  ///< Dependencies that keep it from starting.
  unsigned unfinished_prerequisites = 0;  ///< What griddepcontrol.wait waits for.
  unsigned incomplete_prerequisites = 0;
  std::vector<OperationPointer> dependencies;
  std::vector<Dependency> dependents;
  std::chrono::steady_clock::time_point completed_at;

  bool complete() const { return state == State::Complete; }
};

/// All submitted operations of all devices. Does nothing before someone waits, and then little more
/// than what is waited for, in an order that the dependencies leave to chance.
class OperationQueue : private GridSource {
 public:
  OperationQueue(const Allocations& allocations, Random& random, std::vector<cudaError_t>& errors)
      : allocations_(allocations), random_(random), errors_(errors) {}

  OperationPointer submit(Task task, int device, const std::vector<Dependency>& dependencies);

  void wait_for(const OperationPointer& operation);

  /// Does one thing, or nothing: what a query may find done.
  void maybe_advance();

 private:
  struct Running {
    OperationPointer operation;
    std::unique_ptr<Grid> grid;
  };

  Grid* admit() override;
  void released(Grid& grid) override;
  void finished(Grid& grid) override;

  void depend(const OperationPointer& operation, const Dependency& dependency);
  void want(const OperationPointer& operation);
  void run_one();
  OperationPointer take_ready();
  OperationPointer take_concurrent_kernel();
  OperationPointer take_ready_at(std::size_t position);
  void run_kernels(OperationPointer first);
  void make_ready_if_due(const OperationPointer& operation);
  void release(Operation& operation);
  void finish(const OperationPointer& operation);
  void complete(const OperationPointer& operation);
  std::size_t find_running(const Grid& grid) const;

  const Allocations& allocations_;
  Random& random_;
  std::vector<cudaError_t>& errors_;  ///< By device; operations of a failed one do nothing.
  std::size_t pending_ = 0;
  std::vector<OperationPointer> ready_;
  std::vector<Running> running_;
  OperationPointer next_kernel_;
};

}  // namespace qlinear::emulated_device
