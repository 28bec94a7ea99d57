#include <emulated_device/warpgroup_multiply.hpp>

#include "engine.hpp"
#include "matrix_descriptor.hpp"
#include "settings.hpp"
#include "text.hpp"
#include "warpgroup_multiplies.hpp"

#include <emulated_device/kernel_calls.hpp>
#include <emulated_device/warp_registers.hpp>

#include <vector>

// wgmma.mma_async of 8-bit integers. The four warps of a warpgroup are independent here: each
// multiplies its 16 of the 64 rows.

namespace qlinear::emulated_device {
namespace {

constexpr std::uint32_t kAllLanes = 0xffffffffU;
constexpr unsigned kWarpRows = 16;
constexpr unsigned kRows = 64;
constexpr unsigned kDepth = MatrixDescriptor::kRowBytes;

using Multiply = WarpgroupMultiplies::Multiply;

/// The warp whose lanes have met.
Warp& meeting_warp() { return *engine().current("wgmma").warp; }

unsigned place_in_warpgroup(const Warp& warp) {
  return static_cast<unsigned>(&warp - warp.block->warps.data()) % 4;
}

/// `rows` rows of an operand as integers, from row `first` on.
std::vector<int> read_operand(const SharedMemory& shared, std::uint64_t descriptor, unsigned first,
                              unsigned rows, bool is_unsigned) {
  const MatrixDescriptor matrix(descriptor, first + rows, shared);
  std::vector<int> values(rows * kDepth);
  for (unsigned row = 0; row < rows; ++row) {
    for (unsigned k = 0; k < kDepth; ++k) {
      const unsigned char byte = shared.data()[matrix.offset(first + row, k)];
      values[row * kDepth + k] = is_unsigned ? byte : static_cast<std::int8_t>(byte);
    }
  }
  return values;
}

int dot(const int* a, const int* b, int initial) {
  auto sum = static_cast<unsigned>(initial);
  for (unsigned k = 0; k < kDepth; ++k) sum += static_cast<unsigned>(a[k] * b[k]);
  return static_cast<int>(sum);
}

/// Register i of lane l is row l / 4 + 8 * (i / 2 % 2) of the warp, column
/// 8 * (i / 4) + 2 * (l % 4) + i % 2.
void perform(const Warp& warp, const Multiply& multiply) {
  const SharedMemory& shared = warp.block->shared;
  const MultiplyShape& shape = multiply.shape;
  const unsigned first_row = kWarpRows * place_in_warpgroup(warp);
  const auto a = read_operand(shared, multiply.a, first_row, kWarpRows, shape.unsigned_a);
  const auto b = read_operand(shared, multiply.b, 0, shape.n, shape.unsigned_b);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < shape.n / 2; ++i) {
      const unsigned row = lane / 4 + 8 * (i / 2 % 2);
      const unsigned column = 8 * (i / 4) + 2 * (lane % 4) + i % 2;
      int& d = multiply.d[lane][i];
      d = dot(&a[row * kDepth], &b[column * kDepth], multiply.accumulate ? d : 0);
    }
  }
}

void perform_oldest(Warp& warp) {
  perform(warp, warp.multiplies.pending.front());
  warp.multiplies.pending.pop_front();
}

/// Between issue and wait anything may have been done already.
void perform_some(Warp& warp) {
  while (!warp.multiplies.pending.empty() && engine().random().one_in(4)) perform_oldest(warp);
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

void check_issue(const Warp& warp, const WarpArguments& arguments) {
  const auto& first = arguments.of<IssueArguments>(0);
  for (unsigned lane = 1; lane < 32; ++lane) {
    if (same(first, arguments.of<IssueArguments>(lane))) continue;
    engine().fail(cudaErrorLaunchFailure,
                  text("wgmma with operands that differ between lanes 0 and %u", lane));
  }
  const std::size_t warpgroup = static_cast<std::size_t>(&warp - warp.block->warps.data()) / 4 * 4;
  if (warpgroup + 4 > warp.block->warps.size()) {
    engine().fail(cudaErrorLaunchFailure, text("wgmma in a warpgroup of less than four warps"));
  }
  if (!warp.multiplies.fenced) {
    engine().fail(cudaErrorLaunchFailure, text("wgmma without wgmma.fence before the first one"));
  }
  MatrixDescriptor(first.a, kRows, warp.block->shared);
  MatrixDescriptor(first.b, first.shape.n, warp.block->shared);
}

void issue(const WarpArguments& arguments) {
  Warp& warp = meeting_warp();
  check_issue(warp, arguments);
  const auto& first = arguments.of<IssueArguments>(0);
  Multiply multiply{first.shape, first.a, first.b, first.accumulate, warp.multiplies.group, {}};
  for (unsigned lane = 0; lane < 32; ++lane) {
    multiply.d[lane] = arguments.of<IssueArguments>(lane).d;
  }
  warp.multiplies.pending.push_back(multiply);
  perform_some(warp);
}

void fence(const WarpArguments& /*arguments*/) { meeting_warp().multiplies.fenced = true; }

void commit(const WarpArguments& /*arguments*/) { ++meeting_warp().multiplies.group; }

void wait(const WarpArguments& arguments) {
  Warp& warp = meeting_warp();
  const auto pending = arguments.of<unsigned>(0);
  WarpgroupMultiplies& multiplies = warp.multiplies;
  while (!multiplies.pending.empty() &&
         multiplies.pending.front().group + pending < multiplies.group) {
    perform_oldest(warp);
  }
  perform_some(warp);
}

void set_registers(const WarpArguments& arguments) {
  const int count = arguments.of<int>(0);
  if (count % 8 == 0 && count >= 24 && count <= 256) return;
  engine().fail(cudaErrorLaunchFailure,
                text("setmaxnreg of %d, expected a multiple of 8 from 24 to 256", count));
}

constexpr WarpOperation kIssue = {"wgmma.mma_async", issue};
constexpr WarpOperation kFence = {"wgmma.fence", fence};
constexpr WarpOperation kCommit = {"wgmma.commit_group", commit};
constexpr WarpOperation kWait = {"wgmma.wait_group", wait};
constexpr WarpOperation kSetRegisters = {"setmaxnreg", set_registers};

/// These belong to sm_90a and to no other architecture.
void execute(const WarpOperation& operation, void* arguments) {
  if (settings().compute_capability != 90) {
    engine().current(operation.name);
    engine().fail(cudaErrorLaunchFailure, text("%s needs sm_90a", operation.name));
  }
  execute_with_warp(operation, kAllLanes, arguments);
}

}  // namespace

void fence_multiply() { execute(kFence, nullptr); }

void commit_multiply_group() { execute(kCommit, nullptr); }

void wait_multiply_group(unsigned pending) { execute(kWait, &pending); }

void multiply_async(const MultiplyShape& shape, int* d, std::uint64_t a, std::uint64_t b,
                    bool accumulate) {
  IssueArguments arguments{shape, d, a, b, accumulate};
  execute(kIssue, &arguments);
}

void set_max_registers(int count) { execute(kSetRegisters, &count); }

}  // namespace qlinear::emulated_device
