#pragma once

#include "quantize/layer_choice.hpp"
#include "quantize/model_folder.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace qlinear::tools {

/// Writes `config.json`: that of the model, and how its layers are quantized.
void write_config(const std::filesystem::path& folder, const ModelFolder& model,
                  const LayerChoices& choices);

/// Writes `model.safetensors.index.json`, which says in which file each tensor is. `bytes` are
/// those of all tensors.
void write_index(const std::filesystem::path& folder,
                 const std::map<std::string, std::string>& shard_of_tensor, std::uint64_t bytes);

}  // namespace qlinear::tools
