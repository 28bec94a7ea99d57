#pragma once

#include <qlinear/status.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace qlinear::detail {

/// What the call does to a tensor.
enum class Access : std::uint8_t { Read, Write };

/// One argument with its type erased, beside what the descriptor asks of it. A vector is one row.
struct TensorView {
  const char* name = "";
  const char* axes = "";  ///< Names of the expected sizes, for messages.
  std::int64_t expected_rows = 0;
  std::int64_t expected_columns = 0;
  Access access = Access::Read;
  bool optional = false;

  std::size_t rank = 0;
  const void* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 0;
  std::int64_t element_bytes = 0;
  std::size_t alignment = 1;

  bool empty() const noexcept { return rows == 0 || columns == 0; }
  std::uintptr_t address() const noexcept { return reinterpret_cast<std::uintptr_t>(data); }
};

/// Fills the given side of `view` from `tensor`, a TensorRef or TensorMut of rank 1 or 2.
template <class Tensor>
TensorView with_tensor(TensorView view, const Tensor& tensor) noexcept {
  using Element = std::remove_pointer_t<decltype(tensor.data)>;
  view.rank = tensor.shape.size();
  view.data = tensor.data;
  view.rows = view.rank == 1 ? 1 : tensor.shape.front();
  view.columns = tensor.shape.back();
  view.row_stride = tensor.stride.front();
  view.column_stride = tensor.stride.back();
  view.element_bytes = sizeof(Element);
  view.alignment = alignof(Element);
  return view;
}

template <class Tensor>
TensorView matrix_view(const char* name, const char* axes, std::int64_t rows, std::int64_t columns,
                       Access access, const Tensor& tensor) noexcept {
  return with_tensor(TensorView{name, axes, rows, columns, access}, tensor);
}

template <class Tensor>
TensorView vector_view(const char* name, const char* axes, std::int64_t size, Access access,
                       const Tensor& tensor) noexcept {
  return with_tensor(TensorView{name, axes, 1, size, access}, tensor);
}

/// The tensors of one call, checked together.
class TensorList {
 public:
  void add(const TensorView& view) noexcept { views_[count_++] = view; }

  /// Checks each tensor by itself, then that none that is written overlaps another. Allocates only
  /// on failure. Errors: InvalidProblem, with the argument's name, the fault and the remedy.
  Status check() const;

 private:
  static constexpr std::size_t kCapacity = 7;  ///< Members of QuantizedLinearArgs.
  std::array<TensorView, kCapacity> views_;
  std::size_t count_ = 0;
};

}  // namespace qlinear::detail
