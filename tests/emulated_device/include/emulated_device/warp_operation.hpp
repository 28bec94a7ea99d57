#pragma once

#include <cstdint>

namespace qlinear::emulated_device {

/// The lanes of a warp that execute one instruction together hand this to it: `lanes[i]` is the
/// argument structure of lane i where bit i of `mask` is set.
struct WarpArguments {
  void* const* lanes;
  std::uint32_t mask;

  bool has(unsigned lane) const { return ((mask >> lane) & 1U) != 0; }
  template <class T>
  T& of(unsigned lane) const {
    return *static_cast<T*>(lanes[lane]);
  }
};

/// An instruction that lanes execute together. Its address is its identity: lanes that meet must
/// have reached the same one.
struct WarpOperation {
  const char* name;
  void (*execute)(const WarpArguments& arguments);
};

}  // namespace qlinear::emulated_device
