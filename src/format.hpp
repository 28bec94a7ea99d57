#pragma once

#include <fmt/core.h>

#include <string>

namespace qlinear::detail {

/// fmt::vformat, whose implementation format.cpp alone compiles: it takes a compiler longer than
/// all the rest of most files.
std::string format_text(fmt::string_view format, fmt::format_args parts);

/// The text of `format` with `parts` in the places of its braces, as fmt::format has it.
template <class... Parts>
std::string formatted(fmt::format_string<Parts...> format, Parts&&... parts) {
  return format_text(format, fmt::make_format_args(parts...));
}

}  // namespace qlinear::detail
