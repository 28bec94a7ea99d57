#pragma once

#include <qlinear/status.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace qlinear::detail {

/// What the call does to a tensor.
enum class Access : std::uint8_t { Read, Write };

/// One argument with its type erased, beside what the descriptor asks of it. A vector is one row.
struct TensorView {
  const char* name;
  const char* axes;  ///< Names of the expected sizes, for messages.
  std::int64_t expected_rows;
  std::int64_t expected_columns;
  Access access;

  int rank;
  const void* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t row_stride;
  std::int64_t column_stride;
  std::size_t element_bytes;
  std::size_t alignment;

  bool empty() const noexcept { return rows == 0 || columns == 0; }
  std::uintptr_t address() const noexcept { return reinterpret_cast<std::uintptr_t>(data); }
};

/// View of `tensor`, a TensorRef or TensorMut, whose shape should be [rows, columns].
template <class Tensor>
TensorView matrix_view(const char* name, const char* axes, std::int64_t rows, std::int64_t columns,
                       Access access, const Tensor& tensor) noexcept {
  using Element = std::remove_pointer_t<decltype(tensor.data)>;
  return {name,
          axes,
          rows,
          columns,
          access,
          2,
          tensor.data,
          tensor.shape[0],
          tensor.shape[1],
          tensor.stride[0],
          tensor.stride[1],
          sizeof(Element),
          alignof(Element)};
}

/// View of `tensor`, whose shape should be [size].
template <class Tensor>
TensorView vector_view(const char* name, const char* axes, std::int64_t size, Access access,
                       const Tensor& tensor) noexcept {
  using Element = std::remove_pointer_t<decltype(tensor.data)>;
  return {name,
          axes,
          1,
          size,
          access,
          1,
          tensor.data,
          1,
          tensor.shape[0],
          0,
          tensor.stride[0],
          sizeof(Element),
          alignof(Element)};
}

/// View of `bytes` bytes.
inline TensorView bytes_view(const char* name, std::size_t bytes, Access access,
                             const void* data) noexcept {
  const auto size = static_cast<std::int64_t>(bytes);
  return {name, "[bytes]", 1, size, access, 1, data, 1, size, 0, 1, 1, 1};
}

/// Members of QuantizedLinearArgs, and the workspace.
inline constexpr std::size_t kMaxTensors = 8;

/// Checks each of the tensors of one call by itself, then that none that is written overlaps
/// another. Allocates only on failure. Errors: InvalidProblem, with the argument's name, the fault
/// and the remedy. Precondition: `count <= kMaxTensors`.
Status check_tensors(const TensorView* views, std::size_t count);

}  // namespace qlinear::detail
