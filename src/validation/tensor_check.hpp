#pragma once

#include <qlinear/status.hpp>
#include <qlinear/tensor_view.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace qlinear::detail {

/// What of a linear layer a call is about to run.
enum class Pass : std::uint8_t {
  Quantize,  ///< Reads `activation`, writes the scratch; no other argument is looked at.
  Multiply,  ///< Reads the scratch, writes `output`; `activation` is not looked at.
  Both,
};

/// What a pass does to a tensor, in the order in which one outweighs the other.
enum class Access : std::uint8_t { None, Read, Write };

/// What a view must be.
struct ViewType {
  std::int32_t rank;  ///< 1 or 2.
  ElementKind element;
};

constexpr ViewType vector_of(ElementKind element) noexcept { return {1, element}; }
constexpr ViewType matrix_of(ElementKind element) noexcept { return {2, element}; }

/// One tensor of a call: its role, what the descriptor asks of its type and shape, and what each
/// pass does to it.
struct CallTensor {
  const char* name;
  const char* axes;  ///< Names of the expected sizes, for messages.
  const TensorView& view;
  ViewType type;
  std::int64_t rows = 1;  ///< Of a vector 1.
  std::int64_t columns;
  Access quantize = Access::None;
  Access multiply = Access::None;
  bool optional = false;         ///< A null view without elements is none.
  const char* option = nullptr;  ///< What of the descriptor asks for it, unless every one does.
  bool asked_for = true;         ///< Whether the descriptor does: no pass takes it otherwise.
  bool or_one = false;           ///< A vector of one element stands for one of equal elements.
  /// The one tensor that this one may overlap, by being that very matrix.
  const TensorView* may_be = nullptr;
};

/// Most tensors of a call: the members of QuantizedLinearArgs, and the workspace.
inline constexpr std::size_t kMaxCallTensors = 28;

/// A tensor that the call uses. A vector is one row.
struct Operand {
  const char* name;
  const char* axes;
  std::int64_t expected_rows;
  std::int64_t expected_columns;
  bool or_one;
  Access access;
  const TensorView* view;
  const TensorView* may_be;

  int rank;
  const void* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t row_stride;
  std::int64_t column_stride;
  std::size_t element_bytes;

  bool empty() const noexcept { return rows == 0 || columns == 0; }
  std::uintptr_t address() const noexcept { return reinterpret_cast<std::uintptr_t>(data); }
};

/// The bytes of a checked operand: runs of `width` bytes, `pitch` apart, within [begin, end).
struct Footprint {
  std::uintptr_t begin;
  std::uintptr_t end;
  std::uintptr_t width;
  std::uintptr_t pitch;  ///< 0 for a single run.
};

/// Checks the tensors of a call that `pass` uses. Allocates only on failure.
class TensorChecker {
 public:
  explicit TensorChecker(Pass pass) noexcept : pass_(pass) {}

  /// Checks each of `tensors` by itself, in their order. Errors: InvalidProblem, with the
  /// argument's name, the fault and the remedy. Preconditions: the views outlive the checker, and
  /// there are no more than `kMaxCallTensors` in all.
  Status add(std::span<const CallTensor> tensors);

  /// Checks that no tensor that is written overlaps another. Errors: InvalidProblem.
  Status check_overlap() const;

 private:
  Pass pass_;
  std::size_t count_ = 0;
  std::array<Operand, kMaxCallTensors> operands_;
  std::array<Footprint, kMaxCallTensors> footprints_;
};

}  // namespace qlinear::detail
