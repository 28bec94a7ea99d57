#pragma once

#include <qlinear/qlinear.h>
#include <base/invalid.hpp>
#include <qlinear/status.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

// What passes between a caller in C and the library: texts, statuses, and structs of the size that
// the caller knows.

namespace qlinear::c {

/// A caller's memory for text.
struct TextBuffer {
  char* data;
  std::size_t bytes;
};

/// Writes as much of `text` as fits, in whole UTF-8 characters, and a zero. Returns whether all
/// fits.
bool write_text(TextBuffer buffer, std::string_view text) noexcept;

/// Gives the caller `status`.
qlinear_status report(TextBuffer message, const Status& status) noexcept;

/// Refuses a null pointer to the argument `name`.
Status check_pointer(const char* name, const void* pointer) noexcept;

/// Checks the `struct_size` of the argument `name`, whose fields up to `least` bytes each version
/// has. Errors: InvalidProblem.
Status check_struct_size(const char* name, std::size_t given, std::size_t least) noexcept;

/// Checks what the struct at `given` holds beyond the `known` bytes of this version.
Status check_unknown_fields(const char* name, const void* given, std::size_t size,
                            std::size_t known) noexcept;

/// The struct of a caller, whose fields each version has up to `least` bytes, in this version: the
/// fields that the caller does not know are zeros. Errors: InvalidProblem.
template <class Struct>
Status receive(const char* name, const Struct* given, std::size_t least,
               Struct& received) noexcept {
  static_assert(std::is_trivially_copyable_v<Struct> && std::is_standard_layout_v<Struct>);
  received = {};
  if (Status s = check_pointer(name, given); !s.ok()) return s;
  const std::size_t size = given->struct_size;
  if (Status s = check_struct_size(name, size, least); !s.ok()) return s;
  if (Status s = check_unknown_fields(name, given, size, sizeof(Struct)); !s.ok()) return s;
  std::memcpy(&received, given, std::min(size, sizeof(Struct)));
  return {};
}

/// Writes `value` to the struct of a caller, as far as that reaches, and zeros to what it has
/// beyond. It keeps its `struct_size`. Errors: InvalidProblem.
template <class Struct>
Status hand_out(const char* name, Struct value, std::size_t least, Struct* out) noexcept {
  static_assert(std::is_trivially_copyable_v<Struct> && std::is_standard_layout_v<Struct>);
  if (Status s = check_pointer(name, out); !s.ok()) return s;
  const std::size_t size = out->struct_size;
  if (Status s = check_struct_size(name, size, least); !s.ok()) return s;
  value.struct_size = size;
  const std::size_t known = std::min(size, sizeof(Struct));
  std::memcpy(out, &value, known);
  std::memset(reinterpret_cast<char*>(out) + known, 0, size - known);
  return {};
}

/// Refuses a field that this version reserves and a caller sets.
Status check_reserved(const char* name, std::int32_t reserved) noexcept;

}  // namespace qlinear::c
