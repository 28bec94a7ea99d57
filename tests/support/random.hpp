#pragma once

#include <cstddef>
#include <cstdint>

namespace qlinear::test {

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }

  /// In [0, size).
  std::size_t index(std::size_t size) { return static_cast<std::size_t>(next() % size); }

  bool one_in(std::uint64_t n) { return next() % n == 0; }

  /// Nearly N(0, 1): four uniform 16-bit lanes, centred and scaled to variance 1.
  double gaussian() {
    std::uint64_t bits = next();
    double sum = 0;
    for (int lane = 0; lane < 4; ++lane, bits >>= 16) sum += static_cast<double>(bits & 0xffff);
    return (sum / 65535.0 - 2.0) * 1.7320508075688772;
  }

 private:
  std::uint64_t state_;
};

}  // namespace qlinear::test
