#pragma once

// Another copy of fmt in the program has functions of the same names, of which a linker keeps one:
// ours are in a namespace of their own. Every use of fmt comes by this header.
#define FMT_BEGIN_NAMESPACE \
  namespace fmt {           \
  inline namespace qlinear_private {
#define FMT_END_NAMESPACE \
  }                       \
  }
#include <fmt/core.h>

#include <string>

namespace qlinear::detail {

/// Stands for a text for which there is no memory. It fits into std::string itself.
std::string no_memory_text() noexcept;

/// fmt::vformat, whose implementation format.cpp alone compiles: it takes a compiler longer than
/// all the rest of most files.
std::string format_text(fmt::string_view format, fmt::format_args parts) noexcept;

/// The text of `format` with `parts` in the places of its braces, as fmt::format has it, or
/// `no_memory_text()`. `run` and its like never throw, so they make every text in this way.
template <class... Parts>
std::string formatted(fmt::format_string<Parts...> format, Parts&&... parts) noexcept {
  return format_text(format, fmt::make_format_args(parts...));
}

}  // namespace qlinear::detail
