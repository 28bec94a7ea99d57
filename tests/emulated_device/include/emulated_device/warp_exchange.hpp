#pragma once

#include <cstdint>
#include <cstring>

namespace qlinear::emulated_device {

enum class Shuffle : std::uint8_t { Index, Up, Down, Xor };
enum class Reduction : std::uint8_t { Add, Max, Min };

std::uint64_t shuffle(Shuffle kind, std::uint32_t mask, std::uint64_t value, unsigned operand,
                      int width);
/// Returns the lanes of `mask` whose predicate is true.
std::uint32_t vote(std::uint32_t mask, bool predicate);
void synchronise_warp(std::uint32_t mask);
/// elect.sync: returns true in one lane of `mask`, any one, as the instruction does not say which.
bool elect(std::uint32_t mask);
/// Returns the calling lane alone, the only one that __activemask() may count on.
std::uint32_t own_lane();
std::int32_t reduce_lanes(Reduction kind, std::uint32_t mask, std::int32_t value);
std::uint32_t reduce_lanes(Reduction kind, std::uint32_t mask, std::uint32_t value);

template <class T>
T shuffle_value(Shuffle kind, std::uint32_t mask, T value, unsigned operand, int width) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = shuffle(kind, mask, bits, operand, width);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace qlinear::emulated_device

// ---- CUDA's warp intrinsics ----

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
  using qlinear::emulated_device::Shuffle;
  return qlinear::emulated_device::shuffle_value(Shuffle::Index, mask, value,
                                                 static_cast<unsigned>(lane), width);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  using qlinear::emulated_device::Shuffle;
  return qlinear::emulated_device::shuffle_value(Shuffle::Up, mask, value, delta, width);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  using qlinear::emulated_device::Shuffle;
  return qlinear::emulated_device::shuffle_value(Shuffle::Down, mask, value, delta, width);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32) {
  using qlinear::emulated_device::Shuffle;
  return qlinear::emulated_device::shuffle_value(Shuffle::Xor, mask, value,
                                                 static_cast<unsigned>(lane_mask), width);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return qlinear::emulated_device::vote(mask, predicate != 0);
}

inline int __any_sync(unsigned mask, int predicate) {
  return qlinear::emulated_device::vote(mask, predicate != 0) != 0 ? 1 : 0;
}

inline int __all_sync(unsigned mask, int predicate) {
  return qlinear::emulated_device::vote(mask, predicate != 0) == mask ? 1 : 0;
}

inline unsigned __activemask() { return qlinear::emulated_device::own_lane(); }

inline void __syncwarp(unsigned mask = 0xffffffffU) {
  qlinear::emulated_device::synchronise_warp(mask);
}

inline int __reduce_add_sync(unsigned mask, int value) {
  return qlinear::emulated_device::reduce_lanes(qlinear::emulated_device::Reduction::Add, mask,
                                                value);
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value) {
  return qlinear::emulated_device::reduce_lanes(qlinear::emulated_device::Reduction::Add, mask,
                                                value);
}
inline int __reduce_max_sync(unsigned mask, int value) {
  return qlinear::emulated_device::reduce_lanes(qlinear::emulated_device::Reduction::Max, mask,
                                                value);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value) {
  return qlinear::emulated_device::reduce_lanes(qlinear::emulated_device::Reduction::Max, mask,
                                                value);
}
inline int __reduce_min_sync(unsigned mask, int value) {
  return qlinear::emulated_device::reduce_lanes(qlinear::emulated_device::Reduction::Min, mask,
                                                value);
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value) {
  return qlinear::emulated_device::reduce_lanes(qlinear::emulated_device::Reduction::Min, mask,
                                                value);
}
