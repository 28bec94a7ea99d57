#include "ready_warps.hpp"

#include "grid.hpp"

#include <iterator>

namespace qlinear::emulated_device {
namespace {

unsigned pick_lane(std::uint32_t lanes, Random& random) {
  const auto turn = static_cast<unsigned>(random.below(32));
  const std::uint32_t turned = turn == 0 ? lanes : (lanes >> turn) | (lanes << (32 - turn));
  return (static_cast<unsigned>(__builtin_ctz(turned)) + turn) % 32;
}

}  // namespace

ReadyWarps::ReadyWarps(unsigned cluster_blocks, Random& random) {
  constexpr std::uint64_t kTurns[] = {1, 4, 64, 1024};
  turns_ = kTurns[random.below(std::size(kTurns))];
  slow_rank_ = cluster_blocks;
  if (cluster_blocks > 1 && random.one_in(2)) {
    slow_rank_ = static_cast<unsigned>(random.below(cluster_blocks));
  }
}

void ReadyWarps::add(Warp& warp, std::uint32_t lanes) {
  if (warp.ready == 0 && lanes != 0) {
    warp.ready_position = warps_.size();
    warps_.push_back(&warp);
  }
  warp.ready |= lanes;
}

void ReadyWarps::remove(Warp& warp) {
  warps_[warp.ready_position] = warps_.back();
  warps_[warp.ready_position]->ready_position = warp.ready_position;
  warps_.pop_back();
  if (latest_ == &warp) latest_ = nullptr;
}

Warp* ReadyWarps::pick(Random& random) const {
  constexpr int kTries = 16;
  Warp* warp = nullptr;
  for (int i = 0; i < kTries; ++i) {
    warp = warps_[random.below(warps_.size())];
    if (warp->block->rank != slow_rank_) break;
  }
  return warp;
}

Thread* ReadyWarps::take(Random& random) {
  if (warps_.empty()) return nullptr;
  if (latest_ == nullptr || random.one_in(turns_)) latest_ = pick(random);
  Warp& warp = *latest_;
  const unsigned lane = pick_lane(warp.ready, random);
  warp.ready &= ~(1U << lane);
  if (warp.ready == 0) remove(warp);
  return &warp.lanes[lane];
}

}  // namespace qlinear::emulated_device
