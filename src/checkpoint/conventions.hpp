#pragma once

#include <checkpoint/layer_rules.hpp>

#include <qlinear/checkpoint/checkpoint.hpp>

#include <filesystem>
#include <string>

namespace qlinear::checkpoint::detail {

struct Configuration {
  std::string text;  ///< Of `config.json`; empty where there is none.
  Convention convention = Convention::Detect;
  LayerRules rules;
};

/// Reads what the files of configuration in `folder` say of quantization. Fails where none of it
/// can be loaded. `convention` is what the caller says.
Configuration read_configuration(const std::filesystem::path& folder, Convention convention);

}  // namespace qlinear::checkpoint::detail
