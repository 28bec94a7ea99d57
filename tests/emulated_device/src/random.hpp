#pragma once

#include <cstddef>
#include <cstdint>

namespace qlinear::emulated_device {

/// A SplitMix64 generator. Every choice of the emulated device comes from one, so that a seed
/// reproduces a run.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  /// Returns a number uniform enough in [0, count), count > 0.
  std::uint64_t below(std::uint64_t count) {
    const auto high_half = static_cast<std::uint32_t>(next() >> 32);
    return count <= UINT32_MAX ? (high_half * count) >> 32 : next() % count;
  }

  /// Returns true once in `count` times.
  bool one_in(std::uint64_t count) { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

/// Fills `bytes` at `data` with garbage, as registers and memory hold on a GPU before the first
/// write.
void fill_with_garbage(void* data, std::size_t bytes, Random& random);

}  // namespace qlinear::emulated_device
