#include "engine.hpp"

#include <emulated_device/kernel_calls.hpp>
#include <emulated_device/warp_exchange.hpp>

#include <algorithm>

namespace qlinear::emulated_device {
namespace {

struct ShuffleArguments {
  Shuffle kind;
  std::uint64_t value;
  unsigned operand;
  unsigned width;
  std::uint64_t result;
};

/// Returns the lane that a shuffle reads; `lane` itself where the instruction says that the value
/// stays. Source: PTX ISA, "shfl.sync".
unsigned source_lane(const ShuffleArguments& arguments, unsigned lane) {
  const unsigned first = lane & ~(arguments.width - 1);
  const unsigned last = first + arguments.width - 1;
  switch (arguments.kind) {
    case Shuffle::Index:
      return first + (arguments.operand & (arguments.width - 1));
    case Shuffle::Up:
      return lane >= first + arguments.operand ? lane - arguments.operand : lane;
    case Shuffle::Down:
      return lane + arguments.operand <= last ? lane + arguments.operand : lane;
    default:
      return (lane ^ arguments.operand) <= last ? lane ^ arguments.operand : lane;
  }
}

void shuffle_lanes(const WarpArguments& arguments) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!arguments.has(lane)) continue;
    auto& own = arguments.of<ShuffleArguments>(lane);
    const unsigned source = source_lane(own, lane);
    if (!arguments.has(source)) {
      engine().fail(cudaErrorLaunchFailure,
                    "a shuffle of lane %u reads lane %u, which its mask 0x%08x does not name", lane,
                    source, arguments.mask);
    }
    own.result = arguments.of<ShuffleArguments>(source).value;
  }
}

/// The index is a `Shuffle`.
constexpr WarpOperation kShuffles[] = {{"__shfl_sync", shuffle_lanes},
                                       {"__shfl_up_sync", shuffle_lanes},
                                       {"__shfl_down_sync", shuffle_lanes},
                                       {"__shfl_xor_sync", shuffle_lanes}};

struct VoteArguments {
  bool predicate;
  std::uint32_t ballot;
};

void ballot(const WarpArguments& arguments) {
  std::uint32_t result = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (arguments.has(lane) && arguments.of<VoteArguments>(lane).predicate) result |= 1U << lane;
  }
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (arguments.has(lane)) arguments.of<VoteArguments>(lane).ballot = result;
  }
}

void meet(const WarpArguments& /*arguments*/) {}

void elect_lane(const WarpArguments& arguments) {
  unsigned lane = 0;
  do {
    lane = static_cast<unsigned>(engine().random().below(32));
  } while (!arguments.has(lane));
  arguments.of<bool>(lane) = true;
}

constexpr WarpOperation kElect = {"elect.sync", elect_lane};
constexpr WarpOperation kBallot = {"vote.sync", ballot};
constexpr WarpOperation kBarrier = {"__syncwarp", meet};

template <class T, T (*kCombine)(T, T)>
void reduce(const WarpArguments& arguments) {
  const auto first = static_cast<unsigned>(__builtin_ctz(arguments.mask));
  T result = arguments.of<T>(first);
  for (unsigned lane = first + 1; lane < 32; ++lane) {
    if (arguments.has(lane)) result = kCombine(result, arguments.of<T>(lane));
  }
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (arguments.has(lane)) arguments.of<T>(lane) = result;
  }
}

template <class T>
T sum(T a, T b) {
  return static_cast<T>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
template <class T>
T greater(T a, T b) {
  return std::max(a, b);
}
template <class T>
T lesser(T a, T b) {
  return std::min(a, b);
}

/// The index is a `Reduction`.
template <class T>
constexpr WarpOperation kReductions[] = {{"__reduce_add_sync", reduce<T, sum<T>>},
                                         {"__reduce_max_sync", reduce<T, greater<T>>},
                                         {"__reduce_min_sync", reduce<T, lesser<T>>}};

}  // namespace

std::uint64_t shuffle(Shuffle kind, std::uint32_t mask, std::uint64_t value, unsigned operand,
                      int width) {
  const WarpOperation& operation = kShuffles[static_cast<unsigned>(kind)];
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) {
    engine().current(operation.name);
    engine().fail(cudaErrorLaunchFailure, "%s with width %d, expected a power of two up to 32",
                  operation.name, width);
  }
  ShuffleArguments arguments{kind, value, operand, static_cast<unsigned>(width), 0};
  execute_with_warp(operation, mask, &arguments);
  return arguments.result;
}

std::uint32_t vote(std::uint32_t mask, bool predicate) {
  VoteArguments arguments{predicate, 0};
  execute_with_warp(kBallot, mask, &arguments);
  return arguments.ballot;
}

void synchronise_warp(std::uint32_t mask) { execute_with_warp(kBarrier, mask, nullptr); }

bool elect(std::uint32_t mask) {
  engine().require_capability(90, kElect.name);
  bool elected = false;
  execute_with_warp(kElect, mask, &elected);
  return elected;
}

std::uint32_t own_lane() { return 1U << engine().current("__activemask").lane; }

std::int32_t reduce_lanes(Reduction kind, std::uint32_t mask, std::int32_t value) {
  execute_with_warp(kReductions<std::int32_t>[static_cast<unsigned>(kind)], mask, &value);
  return value;
}

std::uint32_t reduce_lanes(Reduction kind, std::uint32_t mask, std::uint32_t value) {
  execute_with_warp(kReductions<std::uint32_t>[static_cast<unsigned>(kind)], mask, &value);
  return value;
}

}  // namespace qlinear::emulated_device
