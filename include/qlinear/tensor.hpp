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

  /// What may be written may be read.
  constexpr operator TensorRef<T, Rank>() const noexcept { return {data, shape, stride}; }
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

/// A row-major matrix without padding between its rows. What `data` points to may be const, for a
/// `TensorRef`, or not, for a `TensorMut`, which is taken as a `TensorRef`, too.
template <class T>
constexpr TensorRef<T, 2> matrix(const T* data, std::int64_t rows, std::int64_t columns) noexcept {
  return {data, {rows, columns}, {columns, 1}};
}
template <class T>
constexpr TensorMut<T, 2> matrix(T* data, std::int64_t rows, std::int64_t columns) noexcept {
  return {data, {rows, columns}, {columns, 1}};
}

/// A vector of `size` adjacent elements, likewise.
template <class T>
constexpr TensorRef<T, 1> vector(const T* data, std::int64_t size) noexcept {
  return {data, {size}, {1}};
}
template <class T>
constexpr TensorMut<T, 1> vector(T* data, std::int64_t size) noexcept {
  return {data, {size}, {1}};
}

}  // namespace qlinear
