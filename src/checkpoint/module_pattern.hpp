#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>

namespace qlinear::checkpoint::detail {

/// How closely a pattern names a module, from nothing to its very name.
enum class Match { None, Any, Class, Pattern, Exact };

/// What configurations write to name modules: a name, `re:` with a regular expression that is
/// anchored at the start, a name with `*`, or the class of linear layers.
class ModulePattern {
 public:
  /// `where` says in messages who names modules so.
  ModulePattern(std::string text, const std::string& where);
  /// Of every module.
  static ModulePattern any();

  Match match(std::string_view module) const;

 private:
  ModulePattern() = default;

  std::string text_;
  std::optional<std::regex> regex_;
  bool any_ = false;
};

}  // namespace qlinear::checkpoint::detail
