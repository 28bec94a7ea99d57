#pragma once

#include <cstdint>

namespace qlinear::detail {

/// What a kernel was chosen by, in the order of precedence.
enum class ChoiceOrigin : std::uint8_t {
  Forced,  ///< A preference or the environment.
  Table,   ///< The tuning table.
  Model,   ///< The cost model, or the rules for quantize kernels.
};

constexpr const char* to_string(ChoiceOrigin origin) noexcept {
  switch (origin) {
    case ChoiceOrigin::Forced:
      return "forced";
    case ChoiceOrigin::Table:
      return "table";
    case ChoiceOrigin::Model:
      return "model";
  }
  return "unknown";
}

}  // namespace qlinear::detail
