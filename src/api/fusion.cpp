#include <base/enumerators.hpp>
#include <qlinear/fusion.hpp>

namespace qlinear {
namespace {

template <class Enum>
const char* known_name(Enum value) noexcept {
  const char* name = detail::name_of(value);
  return name == nullptr ? "unknown" : name;
}

}  // namespace

const char* to_string(ActivationFunction function) noexcept { return known_name(function); }

const char* to_string(SourceKind kind) noexcept { return known_name(kind); }

const char* to_string(ScaleKind kind) noexcept { return known_name(kind); }

}  // namespace qlinear
