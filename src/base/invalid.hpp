#pragma once

#include "format.hpp"

#include <qlinear/status.hpp>

#include <utility>

namespace qlinear::detail {

/// Makes the Status that the plans' calls return for bad input.
template <class... Parts>
Status invalid(fmt::format_string<Parts...> format, Parts&&... parts) {
  return {StatusCode::InvalidProblem, formatted(format, std::forward<Parts>(parts)...)};
}

/// Makes the Status that `select` returns for what the library does not do.
template <class... Parts>
Status unsupported(fmt::format_string<Parts...> format, Parts&&... parts) {
  return {StatusCode::Unsupported, formatted(format, std::forward<Parts>(parts)...)};
}

}  // namespace qlinear::detail
