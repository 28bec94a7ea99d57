#pragma once

#include <qlinear/types.hpp>

#include <cstdint>

namespace qlinear::kernels {

/// A set of pairs of activation and weight type, for which a kernel is compiled.
struct TypePairs {
  std::uint8_t bits;  ///< It is public so that a set can be a template argument.

  static constexpr TypePairs of(ElementKind activation, ElementKind weight) {
    const int weights = weight == ElementKind::U8 ? 1 : 0;
    return {static_cast<std::uint8_t>(1U << (static_cast<int>(activation) * 2 + weights))};
  }
  constexpr bool contains(ElementKind activation, ElementKind weight) const {
    return (bits & of(activation, weight).bits) != 0;
  }
  constexpr bool contains_activation(ElementKind activation) const {
    return contains(activation, ElementKind::S8) || contains(activation, ElementKind::U8);
  }
  friend constexpr TypePairs operator|(TypePairs a, TypePairs b) {
    return {static_cast<std::uint8_t>(a.bits | b.bits)};
  }
  friend constexpr TypePairs operator&(TypePairs a, TypePairs b) {
    return {static_cast<std::uint8_t>(a.bits & b.bits)};
  }
};
static_assert(static_cast<int>(ElementKind::F16) == 0 && static_cast<int>(ElementKind::F64) == 3);

#ifndef QLINEAR_TYPE_PAIRS
#error \
    "QLINEAR_TYPE_PAIRS, a mask of the option QLINEAR_TYPES, comes from cmake/kernel_families.cmake"
#endif

/// Every pair of the build.
inline constexpr TypePairs kEveryPair{QLINEAR_TYPE_PAIRS};

/// The pairs that engines use. Tiles that only tune are compiled for no others.
inline constexpr TypePairs kCommonPairs =
    kEveryPair & (TypePairs::of(ElementKind::F16, ElementKind::S8) |
                  TypePairs::of(ElementKind::BF16, ElementKind::S8));

}  // namespace qlinear::kernels
