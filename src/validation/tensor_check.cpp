#include "tensor_view.hpp"

#include <base/format.hpp>
#include <base/invalid.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace qlinear::detail {
namespace {

std::string shape_text(int rank, std::int64_t rows, std::int64_t columns) {
  return rank == 1 ? formatted("[{}]", columns) : formatted("[{}, {}]", rows, columns);
}

Status check_shape(const TensorView& view) {
  if (view.rows == view.expected_rows && view.columns == view.expected_columns) return {};
  return invalid("{} has shape {}, expected {} = {}; pass a view of exactly that shape", view.name,
                 shape_text(view.rank, view.rows, view.columns), view.axes,
                 shape_text(view.rank, view.expected_rows, view.expected_columns));
}

/// Strides count only where they lead to another element.
Status check_strides(const TensorView& view) {
  if (view.empty()) return {};
  if (view.columns > 1 && view.column_stride != 1) {
    return invalid("{} has an inner stride of {}, expected 1; copy it to contiguous rows",
                   view.name, view.column_stride);
  }
  if (view.rows > 1 && view.row_stride < view.columns) {
    return invalid(
        "{} has a row stride of {}, expected at least the row length {}; pass the distance between "
        "rows in elements",
        view.name, view.row_stride, view.columns);
  }
  return {};
}

Status check_pointer(const TensorView& view) {
  if (view.data == nullptr && !view.empty()) {
    return invalid("{} has a null pointer, but shape {}; pass memory of that shape", view.name,
                   shape_text(view.rank, view.rows, view.columns));
  }
  if ((view.address() & (view.alignment - 1)) != 0) {
    return invalid(
        "{} is at address {}, expected a multiple of {}, the size of its element; align the "
        "pointer",
        view.name, view.data, view.alignment);
  }
  return {};
}

/// Whether the end of `view` can be addressed. Precondition: it has elements and valid strides.
bool end_is_addressable(const TensorView& view) noexcept {
  std::int64_t elements = 0;
  std::int64_t bytes = 0;
  std::uintptr_t end = 0;
  return !__builtin_mul_overflow(view.rows - 1, view.row_stride, &elements) &&
         !__builtin_add_overflow(elements, view.columns, &elements) &&
         !__builtin_mul_overflow(elements, view.element_bytes, &bytes) &&
         !__builtin_add_overflow(view.address(), bytes, &end);
}

Status check_extent(const TensorView& view) {
  if (view.empty() || end_is_addressable(view)) return {};
  return invalid(
      "{} has shape {} and a row stride of {}, which reach past the end of the address space; pass "
      "the distance between rows in elements",
      view.name, shape_text(view.rank, view.rows, view.columns), view.row_stride);
}

Status check_tensor(const TensorView& view) {
  if (Status status = check_shape(view); !status.ok()) return status;
  if (Status status = check_strides(view); !status.ok()) return status;
  if (Status status = check_pointer(view); !status.ok()) return status;
  return check_extent(view);
}

/// The bytes of a checked view: runs of `width` bytes, `pitch` apart, within [begin, end).
struct Footprint {
  std::uintptr_t begin;
  std::uintptr_t end;
  std::uintptr_t width;
  std::uintptr_t pitch;  ///< 0 for a single run.
};

Footprint footprint(const TensorView& view) noexcept {
  if (view.empty()) return {};
  const auto rows = static_cast<std::uintptr_t>(view.rows);
  const auto width = static_cast<std::uintptr_t>(view.columns) * view.element_bytes;
  // The row stride of a single row is never read and may hold anything.
  const auto pitch =
      rows == 1 ? 0 : static_cast<std::uintptr_t>(view.row_stride) * view.element_bytes;
  const auto begin = view.address();
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

Status overlap_failure(const TensorView& a, const TensorView& b) {
  const TensorView& written = a.access == Access::Write ? a : b;
  const TensorView& other = a.access == Access::Write ? b : a;
  return invalid("{} at {} overlaps {} at {}, but is written; give {} memory of its own",
                 written.name, written.data, other.name, other.data, written.name);
}

}  // namespace

Status check_tensors(const TensorView* views, std::size_t count) {
  std::array<Footprint, kMaxTensors> footprints;
  for (std::size_t i = 0; i < count; ++i) {
    if (Status status = check_tensor(views[i]); !status.ok()) return status;
    footprints[i] = footprint(views[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool written = views[i].access == Access::Write || views[j].access == Access::Write;
      if (written && overlap(footprints[i], footprints[j])) {
        return overlap_failure(views[i], views[j]);
      }
    }
  }
  return {};
}

}  // namespace qlinear::detail
