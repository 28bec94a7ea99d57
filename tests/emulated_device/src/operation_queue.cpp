#include "operation_queue.hpp"

#include "synchronisation.hpp"

#include <algorithm>
#include <utility>

namespace qlinear::emulated_device {
namespace {

/// A queue this long makes the submitting thread wait, as on a GPU.
constexpr std::size_t kMostPending = 1024;
constexpr std::size_t kMostConcurrentGrids = 4;

bool is_kernel(const Operation& operation) { return operation.task.launch != nullptr; }

bool is_programmatic(const Operation& operation) {
  return is_kernel(operation) && operation.incomplete_prerequisites > 0;
}

}  // namespace

OperationPointer OperationQueue::submit(Task task, int device,
                                        const std::vector<Dependency>& dependencies) {
  auto operation = std::make_shared<Operation>();
  operation->task = std::move(task);
  operation->device = device;
  for (const Dependency& dependency : dependencies) depend(operation, dependency);
  ++pending_;
  make_ready_if_due(operation);
  while (pending_ > kMostPending) run_one();
  return operation;
}

void OperationQueue::depend(const OperationPointer& operation, const Dependency& dependency) {
  Operation& on = *dependency.operation;
  if (on.complete()) return;
  operation->dependencies.push_back(dependency.operation);
  on.dependents.push_back({operation, dependency.edge});
  if (dependency.edge == Edge::Full) {
    ++operation->blockers;
    return;
  }
  if (!on.released) ++operation->blockers;
  if (on.state != Operation::State::Finished) ++operation->unfinished_prerequisites;
  ++operation->incomplete_prerequisites;
}

void OperationQueue::wait_for(const OperationPointer& operation) {
  want(operation);
  while (!operation->complete()) run_one();
}

void OperationQueue::maybe_advance() {
  if (!ready_.empty() && random_.one_in(2)) run_one();
}

void OperationQueue::want(const OperationPointer& operation) {
  std::vector<Operation*> open = {operation.get()};
  while (!open.empty()) {
    Operation& current = *open.back();
    open.pop_back();
    if (current.wanted || current.complete()) continue;
    current.wanted = true;
    for (const OperationPointer& dependency : current.dependencies)
      open.push_back(dependency.get());
  }
}

void OperationQueue::run_one() {
  OperationPointer operation = take_ready();
  const bool failed = errors_[static_cast<std::size_t>(operation->device)] != cudaSuccess;
  if (is_kernel(*operation) && !failed) {
    run_kernels(std::move(operation));
    return;
  }
  if (operation->task.work && !failed) operation->task.work();
  finish(operation);
}

OperationPointer OperationQueue::take_ready_at(std::size_t position) {
  OperationPointer operation = std::move(ready_[position]);
  ready_[position] = std::move(ready_.back());
  ready_.pop_back();
  operation->state = Operation::State::Running;
  return operation;
}

OperationPointer OperationQueue::take_ready() {
  std::vector<std::size_t> candidates;
  if (!random_.one_in(4)) {
    for (std::size_t i = 0; i < ready_.size(); ++i) {
      if (ready_[i]->wanted) candidates.push_back(i);
    }
  }
  const std::size_t position = candidates.empty() ? random_.below(ready_.size())
                                                  : candidates[random_.below(candidates.size())];
  return take_ready_at(position);
}

OperationPointer OperationQueue::take_concurrent_kernel() {
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    const Operation& candidate = *ready_[i];
    if (!is_kernel(candidate) || candidate.device != running_.front().operation->device) continue;
    // A dependent mostly starts as early as it may, another stream's kernel seldom does.
    const bool start = is_programmatic(candidate) ? !random_.one_in(4) : random_.one_in(8);
    if (start) return take_ready_at(i);
  }
  return nullptr;
}

void OperationQueue::run_kernels(OperationPointer first) {
  const auto device = static_cast<std::size_t>(first->device);
  next_kernel_ = std::move(first);
  const std::optional<Failure> failure = engine().run(*this, allocations_, random_);
  if (!failure) return;
  errors_[device] = failure->code;
  report(failure->message);
  for (Running& running : std::exchange(running_, {})) finish(running.operation);
}

Grid* OperationQueue::admit() {
  if (running_.size() == kMostConcurrentGrids) return nullptr;
  OperationPointer operation = std::exchange(next_kernel_, nullptr);
  if (operation == nullptr && !running_.empty()) operation = take_concurrent_kernel();
  if (operation == nullptr) return nullptr;
  auto grid = std::make_unique<Grid>(*operation->task.launch, operation->device, random_);
  grid->prerequisites_finished = operation->unfinished_prerequisites == 0;
  running_.push_back({std::move(operation), std::move(grid)});
  return running_.back().grid.get();
}

std::size_t OperationQueue::find_running(const Grid& grid) const {
  std::size_t position = 0;
  while (running_[position].grid.get() != &grid) ++position;
  return position;
}

void OperationQueue::released(Grid& grid) { release(*running_[find_running(grid)].operation); }

void OperationQueue::finished(Grid& grid) {
  const auto position = static_cast<std::ptrdiff_t>(find_running(grid));
  const OperationPointer operation = running_[static_cast<std::size_t>(position)].operation;
  running_.erase(running_.begin() + position);
  finish(operation);
}

void OperationQueue::make_ready_if_due(const OperationPointer& operation) {
  if (operation->state != Operation::State::Pending || operation->blockers > 0) return;
  operation->state = Operation::State::Ready;
  ready_.push_back(operation);
}

void OperationQueue::release(Operation& operation) {
  if (operation.released) return;
  operation.released = true;
  for (const Dependency& dependent : operation.dependents) {
    if (dependent.edge != Edge::Programmatic) continue;
    --dependent.operation->blockers;
    make_ready_if_due(dependent.operation);
  }
}

void OperationQueue::finish(const OperationPointer& operation) {
  release(*operation);
  operation->state = Operation::State::Finished;
  for (const Dependency& dependent : operation->dependents) {
    if (dependent.edge != Edge::Programmatic) continue;
    if (--dependent.operation->unfinished_prerequisites > 0) continue;
    for (const Running& running : running_) {
      if (running.operation == dependent.operation) finish_prerequisites(*running.grid);
    }
  }
  if (operation->incomplete_prerequisites == 0) complete(operation);
}

void OperationQueue::complete(const OperationPointer& operation) {
  std::vector<OperationPointer> open = {operation};
  while (!open.empty()) {
    const OperationPointer current = std::move(open.back());
    open.pop_back();
    current->state = Operation::State::Complete;
    current->completed_at = std::chrono::steady_clock::now();
    current->dependencies.clear();
    --pending_;
    for (const Dependency& dependent : std::exchange(current->dependents, {})) {
      if (dependent.edge == Edge::Full) {
        --dependent.operation->blockers;
        make_ready_if_due(dependent.operation);
      } else if (--dependent.operation->incomplete_prerequisites == 0 &&
                 dependent.operation->state == Operation::State::Finished) {
        open.push_back(dependent.operation);
      }
    }
  }
}

}  // namespace qlinear::emulated_device
