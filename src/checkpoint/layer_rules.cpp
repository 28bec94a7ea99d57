#include <checkpoint/failure.hpp>
#include <checkpoint/layer_rules.hpp>

#include <algorithm>

namespace qlinear::checkpoint::detail {
namespace {

bool agree(const Outcome& a, const Outcome& b) {
  if (a.scheme.has_value() != b.scheme.has_value()) return false;
  return !a.scheme || description(*a.scheme) == description(*b.scheme);
}

}  // namespace

std::string description(const Scheme& scheme) {
  std::string text = scheme.scale_per_row ? "int8, a scale a row" : "int8, one scale";
  if (scheme.weight_zero_points) text += ", zero points";
  if (scheme.static_if_scale_given) {
    text += "; activations static with an input_scale, else dynamic a token";
  } else {
    text += scheme.activation.is_static ? "; activations static" : "; activations dynamic a token";
  }
  if (!scheme.activation.symmetric) text += ", zero points";
  return text;
}

void LayerRules::check() const {
  const auto loadable = [](const Rule& rule) { return rule.outcome.scheme.has_value(); };
  if (rules_.empty()) fail("the configuration names no layers that are quantized");
  if (std::none_of(rules_.begin(), rules_.end(), loadable)) {
    fail_unsupported(rules_.front().outcome.refusal);
  }
}

bool LayerRules::ignores(std::string_view module) const {
  return std::any_of(ignored_.begin(), ignored_.end(), [&](const ModulePattern& pattern) {
    return pattern.match(module) != Match::None;
  });
}

Outcome LayerRules::find(std::string_view module) const {
  Match closest = Match::None;
  const Outcome* found = nullptr;
  bool contradicted = false;
  for (const Rule& rule : rules_) {
    const Match match = rule.pattern.match(module);
    if (match == Match::None || match < closest) continue;
    contradicted = match == closest && (contradicted || !agree(*found, rule.outcome));
    if (match > closest) found = &rule.outcome;
    closest = match;
  }
  if (contradicted) {
    return {{}, "two parts of the configuration say different things of it; remove one"};
  }
  return found == nullptr ? Outcome{} : *found;
}

}  // namespace qlinear::checkpoint::detail
