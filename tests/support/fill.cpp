#include "fill.hpp"

namespace qlinear::test {

const char* to_string(Fill fill) {
  constexpr std::array kNames = {"Gaussian",  "Lowest",       "ZeroRows", "NonFinite",
                                 "Subnormal", "TinyRows",     "Outliers", "Saturating",
                                 "Ties",      "HostileScales"};
  static_assert(kNames.size() == kFills.size());
  return kNames[static_cast<std::size_t>(fill)];
}

}  // namespace qlinear::test
