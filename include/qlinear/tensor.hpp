#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace qlinear {

/// A read-only view of a strided tensor. Strides count elements. The library takes an inner stride
/// of 1 only, and honours a row stride larger than the row (padding) on every matrix. It does not
/// look at strides along which there is no second element.
template <class T, std::size_t Rank>
struct TensorRef {
  const T* data = nullptr;
  std::array<std::int64_t, Rank> shape{};
  std::array<std::int64_t, Rank> stride{};
};

/// A view like `TensorRef` of a tensor that the library writes.
template <class T, std::size_t Rank>
struct TensorMut {
  T* data = nullptr;
  std::array<std::int64_t, Rank> shape{};
  std::array<std::int64_t, Rank> stride{};
};

/// Returns the strides, in elements, of a row-major tensor without padding.
template <std::size_t Rank>
constexpr std::array<std::int64_t, Rank> contiguous_stride(
    const std::array<std::int64_t, Rank>& shape) noexcept {
  std::array<std::int64_t, Rank> stride{};
  std::int64_t step = 1;
  for (std::size_t axis = Rank; axis-- > 0;) {
    stride[axis] = step;
    step *= shape[axis];
  }
  return stride;
}

}  // namespace qlinear
