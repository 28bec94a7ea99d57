#pragma once

#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qlinear::emulated_device {

struct Thread;
struct Warp;

/// The warps of a grid that have lanes that can run. Picks the next thread at random; how long it
/// stays with a warp before it turns to another is chosen by chance, too. Of a cluster's blocks one
/// may be far slower than the others: chance alone would let all of them advance alike.
class ReadyWarps {
 public:
  ReadyWarps(unsigned cluster_blocks, Random& random);

  /// Makes `lanes` of `warp` runnable.
  void add(Warp& warp, std::uint32_t lanes);

  /// Takes a thread out; null if there is none.
  Thread* take(Random& random);

 private:
  void remove(Warp& warp);
  Warp* pick(Random& random) const;

  std::vector<Warp*> warps_;
  Warp* latest_ = nullptr;
  std::uint64_t turns_;  ///< A warp that could go on is left once in so many times.
  unsigned slow_rank_;   ///< Of the slow block in its cluster; beyond all for none.
};

}  // namespace qlinear::emulated_device
