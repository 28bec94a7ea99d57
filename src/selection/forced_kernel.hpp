#pragma once

#include <base/format.hpp>
#include <qlinear/status.hpp>

#include <cstdlib>
#include <string>
#include <string_view>

namespace qlinear::detail {

/// A kernel that the caller insists on, and where that wish was stated.
struct ForcedKernel {
  std::string_view name;
  std::string_view origin;
};

/// `field` names where `preference` comes from; where that is empty, the environment's `variable`
/// counts.
inline ForcedKernel forced_kernel(std::string_view preference, const char* field,
                                  const char* variable) {
  if (!preference.empty()) return {preference, field};
  const char* value = std::getenv(variable);
  return {value != nullptr ? value : "", variable};
}

template <class Kernels>
std::string names(const Kernels& kernels) noexcept {
  std::string list;
  for (const auto& kernel : kernels) {
    list = formatted("{}{}{}", list, list.empty() ? "" : ", ", kernel.name);
  }
  return list;
}

template <class Kernels>
Status unknown_kernel(const ForcedKernel& forced, const Kernels& kernels) {
  return {StatusCode::Unsupported,
          formatted("{} asks for the kernel \"{}\", which does not exist; the kernels are: {}",
                    forced.origin, forced.name, names(kernels))};
}

inline Status refused(const ForcedKernel& forced, const std::string& reason) {
  return {StatusCode::Unsupported,
          formatted("{} asks for the kernel \"{}\", which {}; leave the choice to select or name "
                    "another kernel",
                    forced.origin, forced.name, reason)};
}

}  // namespace qlinear::detail
