#pragma once

#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qlinear::emulated_device {

struct Thread;
struct Warp;

/// Holds the warps of a grid that have lanes to run. Picks the next thread at random, and by
/// chance, too, how long it stays with a warp. One block of a cluster may be far slower than the
/// others: chance alone would let all of them advance alike.
class ReadyWarps {
 public:
  ReadyWarps(unsigned cluster_blocks, Random& random);

  /// Makes `lanes` of `warp` runnable.
  void add(Warp& warp, std::uint32_t lanes);

  /// Takes a thread out; returns null if there is none.
  Thread* take(Random& random);

 private:
  void remove(Warp& warp);
  Warp* pick(Random& random) const;

  std::vector<Warp*> warps_;
  Warp* latest_ = nullptr;
  std::uint64_t turns_;  ///< It leaves a warp that could go on about once in this number of turns.
  unsigned slow_rank_;   ///< The rank of the slow block in its cluster; past all ranks for none.
};

}  // namespace qlinear::emulated_device
