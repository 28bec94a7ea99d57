#include "tensor_check.hpp"

#include <base/format.hpp>
#include <base/invalid.hpp>
#include <validation/call_tensors.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace qlinear::detail {
namespace {

Operand operand_of(const CallTensor& tensor, Access access) noexcept {
  const TensorView& view = tensor.view;
  assert(tensor.type.rank == 1 || tensor.type.rank == 2);
  const bool is_vector = tensor.type.rank == 1;
  const std::size_t inner = is_vector ? 0 : 1;
  return {.name = tensor.name,
          .axes = tensor.axes,
          .expected_rows = tensor.rows,
          .expected_columns = tensor.columns,
          .or_one = tensor.or_one,
          .access = access,
          .view = &view,
          .may_be = tensor.may_be,
          .rank = tensor.type.rank,
          .data = view.data,
          .rows = is_vector ? 1 : view.shape[0],
          .columns = view.shape[inner],
          .row_stride = is_vector ? 0 : view.stride[0],
          .column_stride = view.stride[inner],
          .element_bytes = element_bytes(tensor.type.element)};
}

/// The more of what the parts of `pass` do to `tensor`.
Access access_in(const CallTensor& tensor, Pass pass) noexcept {
  switch (pass) {
    case Pass::Quantize:
      return tensor.quantize;
    case Pass::Multiply:
      return tensor.multiply;
    case Pass::Both:
      break;
  }
  return std::max(tensor.quantize, tensor.multiply);
}

std::string shape_text(int rank, std::int64_t rows, std::int64_t columns) {
  return rank == 1 ? formatted("[{}]", columns) : formatted("[{}, {}]", rows, columns);
}

std::string expected_shape_text(const Operand& operand) {
  return formatted("{} = {}{}", operand.axes,
                   shape_text(operand.rank, operand.expected_rows, operand.expected_columns),
                   operand.or_one ? " or [1]" : "");
}

/// Refuses a tensor that the descriptor does not ask for, which the caller expects to take part.
Status superfluous(const CallTensor& tensor) {
  return invalid(
      "{} is given, but belongs to {}, which the descriptor does not ask for; leave it "
      "value-initialised",
      tensor.name, tensor.option);
}

Status missing(const Operand& operand, const char* option) {
  return invalid("{} is missing, but the descriptor asks for {}; pass a view of shape {}",
                 operand.name, option, expected_shape_text(operand));
}

Status check_type(const CallTensor& tensor) {
  const TensorView& view = tensor.view;
  if (view.rank == tensor.type.rank && view.element == tensor.type.element) return {};
  return invalid(
      "{} is a view of rank {} and elements {}, expected rank {} and {}; pass such a view",
      tensor.name, view.rank, to_string(view.element), tensor.type.rank,
      to_string(tensor.type.element));
}

bool has_expected_shape(const Operand& operand) noexcept {
  return operand.rows == operand.expected_rows &&
         (operand.columns == operand.expected_columns || (operand.or_one && operand.columns == 1));
}

Status check_shape(const Operand& operand) {
  if (has_expected_shape(operand)) return {};
  return invalid("{} has shape {}, expected {}; pass a view of exactly that shape", operand.name,
                 shape_text(operand.rank, operand.rows, operand.columns),
                 expected_shape_text(operand));
}

/// Strides count only where they lead to another element.
Status check_strides(const Operand& operand) {
  if (operand.empty()) return {};
  if (operand.columns > 1 && operand.column_stride != 1) {
    return invalid("{} has an inner stride of {}, expected 1; copy it to contiguous rows",
                   operand.name, operand.column_stride);
  }
  if (operand.rows > 1 && operand.row_stride < operand.columns) {
    return invalid(
        "{} has a row stride of {}, expected at least the row length {}; pass the distance between "
        "rows in elements",
        operand.name, operand.row_stride, operand.columns);
  }
  return {};
}

Status check_pointer(const Operand& operand) {
  if (operand.data == nullptr && !operand.empty()) {
    return invalid("{} has a null pointer, but shape {}; pass memory of that shape", operand.name,
                   shape_text(operand.rank, operand.rows, operand.columns));
  }
  if ((operand.address() & (operand.element_bytes - 1)) != 0) {
    return invalid(
        "{} is at address {}, expected a multiple of {}, the size of its element; align the "
        "pointer",
        operand.name, operand.data, operand.element_bytes);
  }
  return {};
}

/// Whether the end of `operand` can be addressed. Precondition: it has elements and valid strides.
bool end_is_addressable(const Operand& operand) noexcept {
  std::int64_t elements = 0;
  std::int64_t bytes = 0;
  std::uintptr_t end = 0;
  return !__builtin_mul_overflow(operand.rows - 1, operand.row_stride, &elements) &&
         !__builtin_add_overflow(elements, operand.columns, &elements) &&
         !__builtin_mul_overflow(elements, operand.element_bytes, &bytes) &&
         !__builtin_add_overflow(operand.address(), bytes, &end);
}

Status check_extent(const Operand& operand) {
  if (operand.empty() || end_is_addressable(operand)) return {};
  return invalid(
      "{} has shape {} and a row stride of {}, which reach past the end of the address space; pass "
      "the distance between rows in elements",
      operand.name, shape_text(operand.rank, operand.rows, operand.columns), operand.row_stride);
}

Status check_tensor(const Operand& operand) {
  if (Status status = check_shape(operand); !status.ok()) return status;
  if (Status status = check_strides(operand); !status.ok()) return status;
  if (Status status = check_pointer(operand); !status.ok()) return status;
  return check_extent(operand);
}

Footprint footprint(const Operand& operand) noexcept {
  if (operand.empty()) return {};
  const auto rows = static_cast<std::uintptr_t>(operand.rows);
  const auto width = static_cast<std::uintptr_t>(operand.columns) * operand.element_bytes;
  // The row stride of a single row is never read and may hold anything.
  const auto pitch =
      rows == 1 ? 0 : static_cast<std::uintptr_t>(operand.row_stride) * operand.element_bytes;
  const auto begin = operand.address();
  return {begin, begin + (rows - 1) * pitch + width, width, pitch};
}

bool overlap(const Footprint& a, const Footprint& b) noexcept {
  if (a.end <= b.begin || b.end <= a.begin) return false;
  if (a.pitch == 0 && b.pitch == 0) return true;
  if (a.pitch != 0 && b.pitch != 0 && a.pitch != b.pitch) return true;
  // From here on both repeat with one pitch, or one of them is a single run among the other's. As
  // the intervals meet, `second` starts between two runs of `first` unless it starts within one.
  const std::uintptr_t pitch = std::max(a.pitch, b.pitch);
  const Footprint& first = a.begin <= b.begin ? a : b;
  const Footprint& second = a.begin <= b.begin ? b : a;
  const std::uintptr_t column = (second.begin - first.begin) % pitch;
  return column < first.width || column + second.width > pitch;
}

Status overlap_failure(const Operand& a, const Operand& b) {
  const Operand& written = a.access == Access::Write ? a : b;
  const Operand& other = a.access == Access::Write ? b : a;
  const bool may_be_one = a.may_be == b.view || b.may_be == a.view;
  return invalid("{} at {} overlaps {} at {}, but is written; give {} memory of its own{}",
                 written.name, written.data, other.name, other.data, written.name,
                 may_be_one ? ", or pass one matrix twice, strides included" : "");
}

/// Whether they are one matrix and may be.
bool is_allowed_alias(const Operand& a, const Operand& b) noexcept {
  if (a.may_be != b.view && b.may_be != a.view) return false;
  return a.data == b.data && (a.rows <= 1 || a.row_stride == b.row_stride);
}

}  // namespace

Status TensorChecker::add(std::span<const CallTensor> tensors) {
  assert(count_ + tensors.size() <= kMaxCallTensors);
  for (const CallTensor& tensor : tensors) {
    const Access access = access_in(tensor, pass_);
    if (access == Access::None) continue;
    const bool absent = is_absent(tensor.view);
    if (absent && (tensor.optional || !tensor.asked_for)) continue;
    if (!tensor.asked_for) return superfluous(tensor);
    Operand& operand = operands_[count_];
    operand = operand_of(tensor, access);
    if (absent && tensor.option != nullptr && !has_expected_shape(operand)) {
      return missing(operand, tensor.option);
    }
    if (Status status = check_type(tensor); !absent && !status.ok()) return status;
    if (Status status = check_tensor(operand); !status.ok()) return status;
    footprints_[count_] = footprint(operand);
    ++count_;
  }
  return {};
}

Status TensorChecker::check_overlap() const {
  for (std::size_t i = 0; i < count_; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Operand& a = operands_[i];
      const Operand& b = operands_[j];
      const bool written = a.access == Access::Write || b.access == Access::Write;
      if (written && overlap(footprints_[i], footprints_[j]) && !is_allowed_alias(a, b)) {
        return overlap_failure(a, b);
      }
    }
  }
  return {};
}

}  // namespace qlinear::detail
