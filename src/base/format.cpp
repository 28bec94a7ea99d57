// It stands before any header, so that this file defines fmt's functions.
#define FMT_HEADER_ONLY

#include "format.hpp"

#include <fmt/format.h>

namespace qlinear::detail {

std::string no_memory_text() noexcept {
  try {
    return "(out of memory)";
  } catch (...) {  // Strings of the old ABI have no inline buffer.
    return {};
  }
}

std::string format_text(fmt::string_view format, fmt::format_args parts) noexcept {
  try {
    return fmt::vformat(format, parts);
  } catch (...) {
    return no_memory_text();
  }
}

}  // namespace qlinear::detail
