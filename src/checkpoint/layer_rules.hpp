#pragma once

#include <checkpoint/module_pattern.hpp>

#include <qlinear/checkpoint/layer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qlinear::checkpoint::detail {

/// Which tensors a quantized layer has, and what they mean.
struct Scheme {
  const char* scale_name = "weight_scale";
  bool scale_per_row = true;           ///< Else the weight has one.
  bool weight_zero_points = false;     ///< Else they are zeros, if there are any.
  bool column_factor = false;          ///< `pre_quant_scale` may be there.
  bool static_if_scale_given = false;  ///< Whether there is an `input_scale` says which it is.
  ActivationScheme activation;         ///< Without scale and zero point, which are tensors.
};

/// One line of what `scheme` is.
std::string description(const Scheme& scheme);

/// What a configuration says of some layers: how they are quantized, or why they cannot be loaded.
struct Outcome {
  std::optional<Scheme> scheme;
  std::string refusal;
};

/// What a configuration says of every layer.
class LayerRules {
 public:
  void add(ModulePattern pattern, Outcome outcome) {
    rules_.push_back({std::move(pattern), std::move(outcome)});
  }
  void ignore(ModulePattern pattern) { ignored_.push_back(std::move(pattern)); }

  /// Fails where no rule has a scheme: with the reason of the first.
  void check() const;

  bool ignores(std::string_view module) const;
  /// What the closest rule says. Nothing, if there is none. A refusal, if two that are as close
  /// contradict each other.
  Outcome find(std::string_view module) const;

 private:
  struct Rule {
    ModulePattern pattern;
    Outcome outcome;
  };
  std::vector<Rule> rules_;
  std::vector<ModulePattern> ignored_;
};

}  // namespace qlinear::checkpoint::detail
