#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace qlinear {

/// Read-only view of a strided tensor. Strides are counted in elements. The library takes an inner
/// stride of 1 only; a row stride larger than the row (padding) is honoured on every matrix.
/// Strides along which there is no second element are not looked at.
template <class T, std::size_t Rank>
struct TensorRef {
  const T* data = nullptr;
  std::array<std::int64_t, Rank> shape{};
  std::array<std::int64_t, Rank> stride{};
};

/// As `TensorRef`, for a tensor that the library writes.
template <class T, std::size_t Rank>
struct TensorMut {
  T* data = nullptr;
  std::array<std::int64_t, Rank> shape{};
  std::array<std::int64_t, Rank> stride{};
};

/// Strides, in elements, of a row-major tensor without padding.
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
