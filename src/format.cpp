// Before any header, so that fmt's functions are defined here.
#define FMT_HEADER_ONLY

#include "format.hpp"

#include <fmt/format.h>

namespace qlinear::detail {

std::string format_text(fmt::string_view format, fmt::format_args parts) {
  return fmt::vformat(format, parts);
}

}  // namespace qlinear::detail
