#pragma once

#include "grid.hpp"

#include <cstddef>
#include <vector>

namespace qlinear::emulated_device {

/// The warps that have lanes that can run. Picks the next thread at random, staying with a warp for
/// a while or not as `set_restlessness` says.
class ReadyWarps {
 public:
  bool empty() const { return warps_.empty(); }
  void clear();

  /// Makes `lanes` of `warp` runnable.
  void add(Warp& warp, std::uint32_t lanes);

  /// Takes a thread out; null if there is none.
  Thread* take(Random& random);

  /// A warp that could go on is left once in `turns` times; 1 for always.
  void set_restlessness(std::uint64_t turns) { turns_ = turns; }

 private:
  void remove(Warp& warp);

  std::vector<Warp*> warps_;
  Warp* latest_ = nullptr;
  std::uint64_t turns_ = 1;
};

}  // namespace qlinear::emulated_device
