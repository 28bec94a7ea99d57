#include "quantize/config_files.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace qlinear::tools {
namespace {

/// What the checkpoint's readers find in config.json: 8 bit weights with a scale a row, and
/// activations that are quantized dynamically, a scale a token.
Json quantization_config(const std::vector<std::string>& ignored) {
  const auto arguments = [](const char* strategy, bool dynamic) {
    return Json{{"num_bits", 8},        {"type", "int"},      {"symmetric", true},
                {"strategy", strategy}, {"dynamic", dynamic}, {"group_size", nullptr}};
  };
  Json group;
  group["targets"] = {"Linear"};
  group["weights"] = arguments("channel", false);
  group["input_activations"] = arguments("token", true);
  group["output_activations"] = nullptr;
  Json config;
  config["quant_method"] = "compressed-tensors";
  config["format"] = "int-quantized";
  config["quantization_status"] = "compressed";
  config["config_groups"]["group_0"] = std::move(group);
  config["ignore"] = ignored;
  return config;
}

bool quantizes_head(const LayerChoices& choices) {
  for (const LayerChoice& layer : choices.layers) {
    if (layer.module == "lm_head") return layer.quantize;
  }
  return false;
}

Json output_config(const ModelFolder& model, const LayerChoices& choices) {
  Json config = model.config();
  config["quantization_config"] = quantization_config(choices.ignored);
  if (quantizes_head(choices)) {
    config["tie_word_embeddings"] = false;
    if (const auto text = config.find("text_config");
        text != config.end() && text->contains("tie_word_embeddings")) {
      (*text)["tie_word_embeddings"] = false;
    }
  }
  return config;
}

}  // namespace

void write_config(const std::filesystem::path& folder, const ModelFolder& model,
                  const LayerChoices& choices) {
  write_text(folder / "config.json", output_config(model, choices).dump(2) + '\n');
}

void write_index(const std::filesystem::path& folder,
                 const std::map<std::string, std::string>& shard_of_tensor, std::uint64_t bytes) {
  Json index;
  index["metadata"]["total_size"] = bytes;
  index["weight_map"] = shard_of_tensor;
  write_text(folder / "model.safetensors.index.json", index.dump(2) + '\n');
}

}  // namespace qlinear::tools
