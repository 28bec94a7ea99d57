#include "engine.hpp"

#include "settings.hpp"
#include "synchronisation.hpp"
#include "text.hpp"

#include <base/floating_point_environment.hpp>
#include <emulated_device/builtin_variables.hpp>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <utility>

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace qlinear::emulated_device {
namespace {

/// After this many yields without a thread that parks, wakes or ends, the kernel spins on something
/// that never comes.
constexpr std::uint64_t kMostIdleYields = 2'000'000;

}  // namespace

Engine& engine() {
  static Engine instance;
  return instance;
}

// ---- What threads do ----

void Engine::defer(std::vector<const Block*> targets, std::function<void()> work) {
  deferred_.push_back({std::move(targets), std::move(work)});
}

bool Engine::has_deferred(const Block& target) const {
  return std::any_of(deferred_.begin(), deferred_.end(), [&target](const Deferred& deferred) {
    const auto& targets = deferred.targets;
    return std::find(targets.begin(), targets.end(), &target) != targets.end();
  });
}

void Engine::do_deferred() {
  std::swap(deferred_[random_->below(deferred_.size())], deferred_.back());
  const Deferred deferred = std::move(deferred_.back());
  deferred_.pop_back();
  deferred.work();
}

Thread& Engine::current(const char* instruction) const {
  if (current_ == nullptr) {
    std::fprintf(stderr, "qlinear emulated device: %s outside a kernel\n", instruction);
    std::abort();
  }
  return *current_;
}

void Engine::thread_main() {
  Fiber::entered();
  grid_of(*engine().current_).launch.body();
  engine().exit_thread();
}

Thread* Engine::take_next() { return attention_ ? nullptr : take_ready(); }

Thread* Engine::take_ready() {
  if (!deferred_.empty() && random_->one_in(64)) do_deferred();
  Thread* thread = take_ready_thread();
  while (thread == nullptr && !deferred_.empty()) {
    do_deferred();
    thread = take_ready_thread();
  }
  return thread;
}

Thread* Engine::take_ready_thread() {
  if (favoured_ != nullptr) {
    if (Thread* thread = favoured_->ready.take(*random_)) return thread;
  }
  const std::size_t first = grids_.size() > 1 ? random_->below(grids_.size()) : 0;
  for (std::size_t i = 0; i < grids_.size(); ++i) {
    Grid& grid = *grids_[(first + i) % grids_.size()];
    if (Thread* thread = grid.ready.take(*random_)) return thread;
  }
  return nullptr;
}

void Engine::activate(Thread& thread) {
  current_ = &thread;
  threadIdx = thread.index;
  thread.waiting_at = nullptr;
  const Block& block = block_of(thread);
  if (&block == active_block_) return;
  active_block_ = &block;
  blockIdx = block.index;
  blockDim = grid_of(thread).launch.block;
  gridDim = grid_of(thread).launch.grid;
}

void Engine::leave(Thread& thread) {
  Thread* next = take_next();
  if (next == nullptr) {
    current_ = nullptr;
    thread.fiber.switch_to(host_);
    return;
  }
  activate(*next);
  if (next != &thread) thread.fiber.switch_to(next->fiber);
}

void Engine::park(const char* instruction) {
  Thread& self = *current_;
  self.waiting_at = instruction;
  idle_yields_ = 0;
  leave(self);
}

void Engine::yield() {
  if (random_->one_in(4)) give_way();
}

void Engine::give_way() {
  Thread& self = *current_;
  if (++idle_yields_ > kMostIdleYields) {
    fail(cudaErrorLaunchTimeout,
         "no thread makes progress: the kernel spins on a value that no resident thread will "
         "write");
  }
  if (random_->one_in(64)) favoured_ = nullptr;  // It may spin on what another grid writes.
  grid_of(self).ready.add(*self.warp, 1U << self.lane);
  leave(self);
}

void Engine::wake(Thread& thread) { wake(*thread.warp, 1U << thread.lane); }

void Engine::wake(Warp& warp, std::uint32_t lanes) {
  idle_yields_ = 0;
  warp.block->cluster->grid->ready.add(warp, lanes);
}

void Engine::require_capability(int capability, const char* instruction) {
  if (settings().compute_capability >= capability) return;
  current(instruction);
  fail(cudaErrorLaunchFailure, "%s needs sm_%d", instruction, capability);
}

void Engine::fail(cudaError_t code, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::string message = text_of(format, arguments);
  va_end(arguments);
  stop(code, std::move(message));
}

void Engine::fail_at(cudaError_t code, const char* instruction, std::size_t bytes,
                     const void* address, std::string place) {
  std::string message =
      text("%s of %zu bytes at %p: %s", instruction, bytes, address, place.c_str());
  std::string().swap(place);
  stop(code, std::move(message));
}

void Engine::stop(cudaError_t code, std::string message) {
  Thread& self = *current_;
  failure_.emplace(Failure{code, describe(self) + ": " + message});
  std::string().swap(message);
  current_ = nullptr;
  self.fiber.switch_to(host_);
  std::abort();  // An abandoned thread does not come back.
}

void Engine::release(Grid& grid) {
  source_->released(grid);
  attention_ = true;
}

void Engine::exit_thread() {
  Thread& self = *current_;
  idle_yields_ = 0;
  leave_block(self);
  Thread* next = take_next();
  if (next == nullptr) {
    current_ = nullptr;
    self.fiber.end_and_switch_to(host_);
  } else {
    activate(*next);
    self.fiber.end_and_switch_to(next->fiber);
  }
  std::abort();
}

const Allocation* Engine::find_allocation(const void* address, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  for (const Allocation& recent : recent_) {
    if (recent.contains(begin, bytes)) return &recent;
  }
  const Allocation* found = allocations_->find(address, bytes);
  if (found == nullptr) return nullptr;
  recent_[oldest_recent_] = *found;
  oldest_recent_ = (oldest_recent_ + 1) % kRecent;
  return found;
}

// ---- What the host side does between them ----

std::optional<Failure> Engine::run(GridSource& source, const Allocations& allocations,
                                   Random& random) {
  const detail::DefaultFloatingPoint arithmetic_of_a_gpu;
  source_ = &source;
  allocations_ = &allocations;
  random_ = &random;
  std::fill(std::begin(recent_), std::end(recent_), Allocation{});
  active_block_ = nullptr;
  idle_yields_ = 0;
  failure_.reset();
  admit_grids();
  while (!grids_.empty() && !failure_) step();
  if (failure_) abandon();
  return std::exchange(failure_, std::nullopt);
}

void Engine::step() {
  attention_ = false;
  for (Grid* grid : grids_) start_clusters(*grid);
  Thread* next = take_ready();
  if (next == nullptr) {
    report_deadlock();
    return;
  }
  activate(*next);
  host_.switch_to(next->fiber);
  if (failure_) return;
  retire_grids();
  admit_grids();
}

void Engine::admit_grids() {
  while (Grid* grid = source_->admit()) {
    grids_.push_back(grid);
    if (random_->one_in(2)) favoured_ = grid;
  }
}

void Engine::start_clusters(Grid& grid) {
  while (grid.resident.size() < grid.resident_limit && grid.started < grid.clusters) {
    if (grid.idle.empty()) grid.idle.push_back(std::make_unique<Cluster>());
    std::unique_ptr<Cluster> cluster = std::move(grid.idle.back());
    grid.idle.pop_back();
    prepare_cluster(*cluster, grid, grid.order.at(grid.started), *random_);
    ++grid.started;
    for (Block& block : cluster->blocks) start_threads(block);
    grid.resident.push_back(std::move(cluster));
  }
}

void Engine::start_threads(Block& block) {
  for (Thread& thread : block.threads) {
    if (free_stacks_.empty()) free_stacks_.push_back(&stacks_.emplace_back());
    thread.fiber.start(*free_stacks_.back(), &Engine::thread_main);
    free_stacks_.pop_back();
  }
  for (Warp& warp : block.warps) wake(warp, ~warp.exited);
}

void Engine::retire_clusters(Grid& grid) {
  for (std::size_t i = grid.resident.size(); i-- > 0;) {
    if (!grid.resident[i]->finished()) continue;
    for (Block& block : grid.resident[i]->blocks) {
      for (Thread& thread : block.threads) free_stacks_.push_back(&thread.fiber.stack());
    }
    grid.idle.push_back(std::move(grid.resident[i]));
    grid.resident.erase(grid.resident.begin() + static_cast<std::ptrdiff_t>(i));
    ++grid.finished;
    active_block_ = nullptr;
  }
}

void Engine::retire_grids() {
  for (std::size_t i = grids_.size(); i-- > 0;) {
    Grid& grid = *grids_[i];
    retire_clusters(grid);
    if (!grid.has_finished()) continue;
    grids_.erase(grids_.begin() + static_cast<std::ptrdiff_t>(i));
    if (favoured_ == &grid) favoured_ = nullptr;
    source_->finished(grid);
  }
}

void Engine::report_deadlock() {
  const Grid& grid = *grids_.front();
  failure_ =
      Failure{cudaErrorLaunchFailure,
              describe(grid.launch) + ": deadlock, no thread can run" + describe_waiting(grid)};
}

void Engine::abandon() {
  for (const Grid* grid : grids_) {
    for (const auto& cluster : grid->resident) {
      for (Block& block : cluster->blocks) {
        for (Thread& thread : block.threads) free_stacks_.push_back(&thread.fiber.stack());
      }
    }
  }
  grids_.clear();
  deferred_.clear();
  favoured_ = nullptr;
}

}  // namespace qlinear::emulated_device
