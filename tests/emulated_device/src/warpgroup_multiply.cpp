#include <emulated_device/warpgroup_multiply.hpp>

#include "dot.hpp"
#include "engine.hpp"
#include "matrix_descriptor.hpp"
#include "settings.hpp"
#include "warpgroup_multiplies.hpp"

#include <emulated_device/kernel_calls.hpp>
#include <emulated_device/warp_registers.hpp>

#include <vector>

// This models wgmma.mma_async of 8-bit integers.

namespace qlinear::emulated_device {
namespace {

constexpr unsigned kRows = 64;
constexpr unsigned kDepth = MatrixDescriptor::kRowBytes;
constexpr unsigned kOperandChunk = 16;  // No layout separates these bytes.
constexpr const char* kWaitGroupName = "wgmma.wait_group";

using Multiply = WarpgroupMultiplies::Multiply;

/// Describes a warp's place in its warpgroup.
struct Place {
  explicit Place(const Warp& warp)
      : index(static_cast<std::size_t>(&warp - warp.block->warps.data())),
        warp_of_group(static_cast<unsigned>(index % WarpgroupMultiplies::kWarps)),
        group(warp.block->warpgroups[index / WarpgroupMultiplies::kWarps]),
        progress(group.warps[warp_of_group]) {}

  std::size_t index;  ///< The warp's number in the block.
  unsigned warp_of_group;
  WarpgroupMultiplies& group;
  WarpgroupMultiplies::WarpProgress& progress;
};

/// Returns the warp whose lanes have met.
Warp& meeting_warp() { return *engine().current("wgmma").warp; }

struct OperandRow {
  std::int16_t k[kDepth];
};

std::vector<OperandRow> read_operand(const SharedMemory& shared, std::uint64_t descriptor,
                                     unsigned rows, bool is_unsigned) {
  const MatrixDescriptor matrix(descriptor, rows, shared);
  std::vector<OperandRow> values(rows);
  for (unsigned row = 0; row < rows; ++row) {
    for (unsigned chunk = 0; chunk < kDepth; chunk += kOperandChunk) {
      const unsigned char* bytes = shared.data() + matrix.offset(row, chunk);
      for (unsigned i = 0; i < kOperandChunk; ++i) {
        values[row].k[chunk + i] = is_unsigned ? bytes[i] : static_cast<std::int8_t>(bytes[i]);
      }
    }
  }
  return values;
}

/// Register i of thread t is row 16 * (t / 32) + t % 32 / 4 + 8 * (i / 2 % 2), column
/// 8 * (i / 4) + 2 * (t % 4) + i % 2.
void perform(const SharedMemory& shared, const Multiply& multiply) {
  const MultiplyShape& shape = multiply.shape;
  const auto a = read_operand(shared, multiply.a, kRows, shape.unsigned_a);
  const auto b = read_operand(shared, multiply.b, shape.n, shape.unsigned_b);
  for (unsigned thread = 0; thread < multiply.d.size(); ++thread) {
    for (unsigned i = 0; i < shape.n / 2; ++i) {
      const unsigned row = 16 * (thread / 32) + thread % 32 / 4 + 8 * (i / 2 % 2);
      const unsigned column = 8 * (i / 4) + 2 * (thread % 4) + i % 2;
      int& d = multiply.d[thread][i];
      d = add_wrapping(multiply.accumulate ? d : 0, dot(a[row].k, b[column].k));
    }
  }
}

bool can_perform(const WarpgroupMultiplies& group) {
  return !group.pending.empty() &&
         group.pending.front().warps_issued == WarpgroupMultiplies::kWarps;
}

void perform_oldest(const Block& block, WarpgroupMultiplies& group) {
  perform(block.shared, group.pending.front());
  group.pending.pop_front();
  ++group.performed;
}

/// Performs some operations early: between issue and wait anything may have been done already.
void perform_some(const Block& block, WarpgroupMultiplies& group) {
  while (can_perform(group) && engine().random().one_in(4)) perform_oldest(block, group);
}

// ---- The instructions, once all lanes have come ----

struct IssueArguments {
  MultiplyShape shape;
  int* d;
  std::uint64_t a;
  std::uint64_t b;
  bool accumulate;
};

bool same(const IssueArguments& x, const IssueArguments& y) {
  return x.shape.n == y.shape.n && x.shape.unsigned_a == y.shape.unsigned_a &&
         x.shape.unsigned_b == y.shape.unsigned_b && x.a == y.a && x.b == y.b &&
         x.accumulate == y.accumulate;
}

void check_issue(const Warp& warp, const Place& place, const WarpArguments& arguments) {
  const auto& first = arguments.of<IssueArguments>(0);
  for (unsigned lane = 1; lane < 32; ++lane) {
    if (same(first, arguments.of<IssueArguments>(lane))) continue;
    engine().fail(cudaErrorLaunchFailure, "wgmma with operands that differ between lanes 0 and %u",
                  lane);
  }
  if (place.index - place.warp_of_group + WarpgroupMultiplies::kWarps > warp.block->warps.size()) {
    engine().fail(cudaErrorLaunchFailure, "wgmma in a warpgroup of less than four warps");
  }
  if (!place.progress.fenced) {
    engine().fail(cudaErrorLaunchFailure, "wgmma without wgmma.fence before the first one");
  }
  MatrixDescriptor(first.a, kRows, warp.block->shared);
  MatrixDescriptor(first.b, first.shape.n, warp.block->shared);
}

/// Returns the operation that the warp issues its part of: a new one for the first warp to arrive.
Multiply& find_operation(const Place& place, const IssueArguments& issued) {
  std::deque<Multiply>& pending = place.group.pending;
  const std::uint64_t position = place.progress.issued - place.group.performed;
  if (position == pending.size()) {
    pending.push_back({issued.shape, issued.a, issued.b, issued.accumulate});
    return pending.back();
  }
  Multiply& operation = pending[position];
  const IssueArguments first{operation.shape, nullptr, operation.a, operation.b,
                             operation.accumulate};
  if (!same(first, issued)) {
    engine().fail(cudaErrorLaunchFailure,
                  "wgmma with operands that differ between the warps of a warpgroup");
  }
  return operation;
}

void issue(const WarpArguments& arguments) {
  const Warp& warp = meeting_warp();
  const Place place(warp);
  check_issue(warp, place, arguments);
  Multiply& operation = find_operation(place, arguments.of<IssueArguments>(0));
  for (unsigned lane = 0; lane < 32; ++lane) {
    operation.d[place.warp_of_group * 32 + lane] = arguments.of<IssueArguments>(lane).d;
  }
  ++operation.warps_issued;
  ++place.progress.issued;
  perform_some(*warp.block, place.group);
  for (Thread* waiter : place.group.waiters) engine().wake(*waiter);
  place.group.waiters.clear();
}

void fence(const WarpArguments& /*arguments*/) { Place(meeting_warp()).progress.fenced = true; }

void commit(const WarpArguments& /*arguments*/) {
  auto& progress = Place(meeting_warp()).progress;
  progress.committed.push_back(progress.issued);
}

/// Performs some operations at the wait; the wait itself is each lane's own.
void perform_at_wait(const WarpArguments& /*arguments*/) {
  const Warp& warp = meeting_warp();
  perform_some(*warp.block, Place(warp).group);
}

/// Returns how many operations must be complete for all but the latest `pending` groups to be.
std::uint64_t awaited(const WarpgroupMultiplies::WarpProgress& progress, unsigned pending) {
  const auto& committed = progress.committed;
  return committed.size() > pending ? committed[committed.size() - 1 - pending] : 0;
}

void set_registers(const WarpArguments& arguments) {
  const int count = arguments.of<int>(0);
  if (count % 8 == 0 && count >= 24 && count <= 256) return;
  engine().fail(cudaErrorLaunchFailure, "setmaxnreg of %d, expected a multiple of 8 from 24 to 256",
                count);
}

constexpr WarpOperation kIssue = {"wgmma.mma_async", issue};
constexpr WarpOperation kFence = {"wgmma.fence", fence};
constexpr WarpOperation kCommit = {"wgmma.commit_group", commit};
constexpr WarpOperation kWaitGroup = {kWaitGroupName, perform_at_wait};
constexpr WarpOperation kSetRegisters = {"setmaxnreg", set_registers};

/// These instructions belong to sm_90a and to no other architecture.
void execute(const WarpOperation& operation, void* arguments) {
  if (settings().compute_capability != 90) {
    engine().current(operation.name);
    engine().fail(cudaErrorLaunchFailure, "%s needs sm_90a", operation.name);
  }
  execute_with_warp(operation, kAllLanes, arguments);
}

}  // namespace

void fence_multiply() { execute(kFence, nullptr); }

void commit_multiply_group() { execute(kCommit, nullptr); }

void wait_multiply_group(unsigned pending) {
  execute(kWaitGroup, nullptr);
  Thread& self = engine().current(kWaitGroupName);
  const Place place(*self.warp);
  const std::uint64_t target = awaited(place.progress, pending);
  while (place.group.performed < target) {
    if (can_perform(place.group)) {
      perform_oldest(block_of(self), place.group);
    } else {
      place.group.waiters.push_back(&self);
      engine().park(kWaitGroupName);
    }
  }
}

void check_no_multiply_in_flight(const Thread& self) {
  const Place place(*self.warp);
  if (place.progress.issued <= place.group.performed) return;
  engine().fail(cudaErrorLaunchFailure, "exits without a wait for its wgmma");
}

void multiply_async(const MultiplyShape& shape, int* d, std::uint64_t a, std::uint64_t b,
                    bool accumulate) {
  IssueArguments arguments{shape, d, a, b, accumulate};
  execute(kIssue, &arguments);
}

void set_max_registers(int count) { execute(kSetRegisters, &count); }

}  // namespace qlinear::emulated_device
