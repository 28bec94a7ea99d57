#pragma once

#include <cstddef>

namespace qlinear::c {

/// Stands for a value of any type.
struct AnyValue {
  template <class T>
  operator T() const;
};

/// The number of members of an aggregate that has no arrays of C: of how many values it can be
/// made.
template <class Aggregate, class... Values>
constexpr std::size_t field_count() noexcept {
  if constexpr (requires { Aggregate{Values{}..., AnyValue{}}; }) {
    return field_count<Aggregate, Values..., AnyValue>();
  } else {
    return sizeof...(Values);
  }
}

}  // namespace qlinear::c
