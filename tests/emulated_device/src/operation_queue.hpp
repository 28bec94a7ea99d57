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
  std::function<void()> work;  ///< It may be empty: such an operation only orders others.
  std::shared_ptr<const LaunchRequest> launch;  ///< A kernel has it, and no `work`.
};

struct Operation;
using OperationPointer = std::shared_ptr<Operation>;

/// A full edge starts the task after completion. A programmatic one starts it when the blocks of
/// the predecessor, a kernel, have released their dependents.
enum class Edge : std::uint8_t { Full, Programmatic };

struct Dependency {
  OperationPointer operation;
  Edge edge;
};

/// A task and its place in the order of things.
struct Operation {
  /// A kernel has finished when its blocks have ended. It is complete when the kernels that it is
  /// programmatically dependent on are complete, too: it may never have waited for them.
  enum class State : std::uint8_t { Pending, Ready, Running, Finished, Complete };

  Task task;
  int device = 0;
  State state = State::Pending;
  bool released = false;  ///< Its programmatic dependents may start.
  bool wanted = false;    ///< Someone waits for it or for something that depends on it.
  unsigned blockers = 0;  ///< Counts the dependencies that keep it from starting.
  unsigned unfinished_prerequisites = 0;  ///< griddepcontrol.wait waits for these.
  unsigned incomplete_prerequisites = 0;
  std::vector<OperationPointer> dependencies;
  std::vector<Dependency> dependents;
  std::chrono::steady_clock::time_point completed_at;

  bool complete() const { return state == State::Complete; }
};

/// Holds all submitted operations of all devices. Does nothing before someone waits, and then
/// little more than that needs, in an order that the dependencies leave to chance.
class OperationQueue : private GridSource {
 public:
  OperationQueue(const Allocations& allocations, Random& random, std::vector<cudaError_t>& errors)
      : allocations_(allocations), random_(random), errors_(errors) {}

  OperationPointer submit(Task task, int device, const std::vector<Dependency>& dependencies);

  void wait_for(const OperationPointer& operation);

  /// Does one thing or nothing, so that a query may find it done.
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
  /// One for each device; operations of a failed one do nothing.
  std::vector<cudaError_t>& errors_;
  std::size_t pending_ = 0;
  std::vector<OperationPointer> ready_;
  std::vector<Running> running_;
  OperationPointer next_kernel_;
};

}  // namespace qlinear::emulated_device
