#include "quantize/layer_choice.hpp"

#include "support/failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <regex>
#include <string_view>
#include <utility>

namespace qlinear::tools {
namespace {

using checkpoint::Dtype;
using checkpoint::Tensor;

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kHead = "lm_head";

bool is_float(Dtype dtype) {
  return dtype == Dtype::F16 || dtype == Dtype::BF16 || dtype == Dtype::F32 || dtype == Dtype::F64;
}

std::string_view last_part(std::string_view module) {
  return module.substr(module.rfind('.') + 1);  // npos + 1 is 0.
}

std::string_view part_before_last(std::string_view module) {
  const std::size_t last = module.rfind('.');
  return last == std::string_view::npos ? "" : last_part(module.substr(0, last));
}

/// A regular expression counts from the start of a name, as Python's `re.match` has it.
class IgnoreRule {
 public:
  explicit IgnoreRule(const std::string& text) : text_(text) {
    if (text.rfind("re:", 0) != 0) return;
    try {
      pattern_ = std::regex(text.substr(3));
    } catch (const std::regex_error& error) {
      throw Failure(fmt::format("--ignore '{}' is no regular expression: {}", text, error.what()));
    }
    is_pattern_ = true;
  }

  bool matches(const std::string& module) const {
    if (!is_pattern_) return module == text_;
    return std::regex_search(module, pattern_, std::regex_constants::match_continuous);
  }

 private:
  std::string text_;
  std::regex pattern_;
  bool is_pattern_ = false;
};

bool named_as_embedding(std::string_view module) {
  std::string name(last_part(module));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array kExact{"wte", "wpe", "shared", "relative_attention_bias", "embd"};
  return name.find("embed") != std::string::npos ||
         std::find(kExact.begin(), kExact.end(), name) != kExact.end();
}

bool named_as_head(std::string_view module) {
  constexpr std::array kNames{"lm_head", "output",     "output_layer", "embed_out",
                              "score",   "classifier", "head"};
  return std::find(kNames.begin(), kNames.end(), last_part(module)) != kNames.end();
}

/// Other names than lm_head count only with as many rows as the vocabulary.
bool is_head(std::string_view module, bool has_vocabulary) {
  return last_part(module) == kHead || (has_vocabulary && named_as_head(module));
}

bool named_as_router(std::string_view part) {
  return part == "gate" || part == "router" || part == "shared_expert_gate";
}

bool is_router(const ModelFolder& model, const LayerChoice& layer) {
  const std::string_view name = last_part(layer.module);
  if (!named_as_router(name) && !named_as_router(part_before_last(layer.module))) return false;
  const std::vector<std::int64_t> counts = model.expert_counts();
  const std::int64_t rows = layer.weight.shape[0];
  return rows == 1 || std::find(counts.begin(), counts.end(), rows) != counts.end();
}

/// Says what a weight is that is no layer to quantize; leaves `reason` empty for others.
void judge(const ModelFolder& model, const LayerRules& rules, LayerChoice& layer) {
  const bool has_vocabulary = model.vocabulary() > 0 && layer.weight.shape[0] == model.vocabulary();
  if (named_as_embedding(layer.module) && last_part(layer.module) != "embed_out") {
    layer.reason = "an embedding";
  } else if (has_vocabulary && !named_as_head(layer.module)) {
    layer.reason = "an embedding: it has as many rows as vocab_size of config.json";
  } else if (!is_float(layer.weight.dtype)) {
    layer.reason = fmt::format("stored as {}", to_string(layer.weight.dtype));
  } else if (layer.weight.size() == 0) {
    layer.reason = "empty";
  } else if (is_router(model, layer)) {
    layer.reason = "a router of experts";
  } else if (is_head(layer.module, has_vocabulary) && !rules.include_lm_head) {
    layer.reason = "--include-lm-head quantizes it";
  }
}

std::vector<LayerChoice> matrices(const ModelFolder& model) {
  std::vector<LayerChoice> found;
  for (const std::string& name : model.tensors().names()) {
    if (name.size() <= kWeight.size() || !std::string_view(name).ends_with(kWeight)) continue;
    Tensor weight = value_of(model.tensors().find(name));
    if (weight.shape.size() != 2) continue;
    LayerChoice choice;
    choice.module = name.substr(0, name.size() - kWeight.size());
    choice.weight = std::move(weight);
    found.push_back(std::move(choice));
  }
  return found;
}

/// A tied lm_head is not stored: it is the embedding of tokens once more.
LayerChoice tied_head(const ModelFolder& model, const std::vector<LayerChoice>& layers) {
  const LayerChoice* embedding = nullptr;
  for (const LayerChoice& layer : layers) {
    constexpr std::array kNames{"embed_tokens",   "wte",   "word_embeddings", "embed_in",
                                "tok_embeddings", "shared"};
    const bool named =
        std::find(kNames.begin(), kNames.end(), last_part(layer.module)) != kNames.end();
    const bool fits = model.vocabulary() == 0 || layer.weight.shape[0] == model.vocabulary();
    if (!named || !fits) continue;
    if (embedding != nullptr) {
      throw Failure(
          fmt::format("--include-lm-head: both {} and {} could be the embedding that "
                      "lm_head is tied to; store lm_head.weight in the model",
                      embedding->module, layer.module));
    }
    embedding = &layer;
  }
  if (!model.ties_embeddings() || embedding == nullptr) {
    throw Failure(
        "--include-lm-head: the model has no lm_head.weight, and config.json with "
        "tie_word_embeddings names no embedding for it; leave the option out");
  }
  LayerChoice head;
  head.module = kHead;
  head.weight = embedding->weight;
  return head;
}

void apply_ignore(const LayerRules& rules, LayerChoices& choices) {
  for (const std::string& text : rules.ignore) {
    const IgnoreRule rule(text);
    bool used = text == kHead;
    for (LayerChoice& layer : choices.layers) {
      if (!rule.matches(layer.module)) continue;
      used = true;
      if (layer.reason.empty()) layer.reason = fmt::format("--ignore {}", text);
    }
    if (!used) choices.unused_rules.push_back(text);
  }
}

}  // namespace

LayerChoices choose_layers(const ModelFolder& model, const LayerRules& rules) {
  LayerChoices choices;
  choices.layers = matrices(model);
  if (rules.include_lm_head && !model.tensors().contains("lm_head.weight")) {
    choices.layers.push_back(tied_head(model, choices.layers));
  }
  std::sort(choices.layers.begin(), choices.layers.end(),
            [](const LayerChoice& a, const LayerChoice& b) { return a.module < b.module; });
  for (LayerChoice& layer : choices.layers) judge(model, rules, layer);
  apply_ignore(rules, choices);

  bool any = false;
  bool head = false;
  for (LayerChoice& layer : choices.layers) {
    layer.quantize = layer.reason.empty();
    any = any || layer.quantize;
    head = head || (layer.quantize && layer.module == kHead);
    // Some of what is taken for an embedding may be a linear layer to a reader.
    if (!layer.quantize && layer.module != kHead) choices.ignored.push_back(layer.module);
  }
  // A tied lm_head is a layer without a tensor.
  if (!head) choices.ignored.emplace_back(kHead);
  if (!any) {
    throw Failure(
        fmt::format("{} holds no linear layer to quantize: no float tensor NAME.weight of two "
                    "dimensions that is "
                    "no embedding and not ignored; `qlinear inspect {}` lists what it holds",
                    model.path().string(), model.path().string()));
  }
  return choices;
}

}  // namespace qlinear::tools
