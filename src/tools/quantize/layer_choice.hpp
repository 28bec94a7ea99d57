#pragma once

#include "quantize/model_folder.hpp"

#include <qlinear/checkpoint/safetensors.hpp>

#include <string>
#include <vector>

namespace qlinear::tools {

/// What the caller wants of the choice of layers.
struct LayerRules {
  std::vector<std::string> ignore;  ///< Names of modules, or regular expressions after "re:".
  bool include_lm_head = false;     ///< Also where it is tied to the embedding.
};

/// What becomes of a weight of two dimensions.
struct LayerChoice {
  std::string module;         ///< "model.layers.0.mlp.down_proj"
  checkpoint::Tensor weight;  ///< Floats [N, K]; of a tied lm_head those of the embedding.
  bool quantize = false;
  std::string reason;  ///< Why it is not quantized.
};

struct LayerChoices {
  std::vector<LayerChoice> layers;        ///< Sorted by module.
  std::vector<std::string> ignored;       ///< For `ignore` of the checkpoint's configuration.
  std::vector<std::string> unused_rules;  ///< Of `LayerRules::ignore`: they match nothing.
};

/// Throws a Failure where nothing is left to quantize, for an `ignore` that is no regular
/// expression, and for a tied lm_head without an embedding.
LayerChoices choose_layers(const ModelFolder& model, const LayerRules& rules);

}  // namespace qlinear::tools
