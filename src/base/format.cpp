// Before any header, so that fmt's functions are defined here.
#define FMT_HEADER_ONLY

#include "format.hpp"

#include <fmt/format.h>

namespace qlinear::detail {

std::string no_memory_text() noexcept {
  try {
    return "(out of memory)";
  } catch (...) {  // Strings of the old ABI have no room of their own.
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
