#pragma once

// A program may hold another copy of fmt, and a linker keeps one of two functions of the same name.
// So ours live in a namespace of their own, and every use of fmt includes this header.
#define FMT_BEGIN_NAMESPACE \
  namespace fmt {           \
  inline namespace qlinear_private {
#define FMT_END_NAMESPACE \
  }                       \
  }
#include <fmt/core.h>

#include <string>

namespace qlinear::detail {

/// Stands for a text for which there is no memory. It fits into std::string's inline buffer.
std::string no_memory_text() noexcept;

/// Wraps fmt::vformat. Only format.cpp compiles its implementation, which takes a compiler longer
/// than the rest of most files.
std::string format_text(fmt::string_view format, fmt::format_args parts) noexcept;

/// Formats like fmt::format, but returns `no_memory_text()` where it would throw. `run` never
/// throws, so every message is made here.
template <class... Parts>
std::string formatted(fmt::format_string<Parts...> format, Parts&&... parts) noexcept {
  return format_text(format, fmt::make_format_args(parts...));
}

}  // namespace qlinear::detail
