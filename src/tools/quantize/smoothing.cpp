#include "quantize/smoothing.hpp"

#include "support/failure.hpp"
#include "support/parallel.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <fmt/format.h>
#include <qlinear/checkpoint/quantize.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace qlinear::tools {
namespace {

using checkpoint::Dtype;
using checkpoint::Tensor;
using checkpoint::TensorFiles;

/// A norm, and the layers that read what it gives. Nothing else reads it.
struct Group {
  std::string norm;
  std::vector<std::string> layers;
};

void check_structure(const ModelFolder& model) {
  // Others add 1 to the weight of a norm, or let layers read it that have other names.
  constexpr std::array kKnown{"llama", "mistral", "qwen2", "qwen3", "phi3", "smollm3"};
  const std::string type = model.model_type();
  if (std::find(kKnown.begin(), kKnown.end(), type) != kKnown.end()) return;
  throw Failure(
      fmt::format("--smooth knows which layers read a norm for the model types {}; '{}' is "
                  "another. Quantize it without --smooth, perhaps with --weights mse",
                  fmt::join(kKnown, ", "), type));
}

bool has_experts(const TensorFiles& tensors, const std::string& block) {
  const std::vector<std::string>& names = tensors.names();
  const auto first = std::lower_bound(names.begin(), names.end(), block + ".mlp.experts.");
  return first != names.end() && first->rfind(block + ".mlp.experts.", 0) == 0;
}

void add_group(const TensorFiles& tensors, const std::string& norm, const std::string& parent,
               std::initializer_list<const char*> layers, std::vector<Group>& groups) {
  if (!tensors.contains(norm + ".weight")) return;
  Group group{norm, {}};
  for (const char* layer : layers) {
    if (tensors.contains(parent + layer + ".weight")) group.layers.push_back(parent + layer);
  }
  if (!group.layers.empty()) groups.push_back(std::move(group));
}

std::vector<Group> groups_of(const ModelFolder& model, const LayerChoices& choices) {
  constexpr std::string_view kFirstNorm = ".input_layernorm.weight";
  const TensorFiles& tensors = model.tensors();
  std::vector<Group> groups;
  for (const std::string& name : tensors.names()) {
    if (!std::string_view(name).ends_with(kFirstNorm)) continue;
    const std::string block = name.substr(0, name.size() - kFirstNorm.size());
    add_group(tensors, block + ".input_layernorm", block + ".self_attn.",
              {"q_proj", "k_proj", "v_proj", "qkv_proj"}, groups);
    if (has_experts(tensors, block)) continue;
    add_group(tensors, block + ".post_attention_layernorm", block + ".mlp.",
              {"gate_proj", "up_proj", "gate_up_proj"}, groups);
  }
  const auto head =
      std::find_if(choices.layers.begin(), choices.layers.end(),
                   [](const LayerChoice& layer) { return layer.module == "lm_head"; });
  if (head != choices.layers.end() && tensors.contains("model.norm.weight")) {
    groups.push_back({"model.norm", {"lm_head"}});
  }
  return groups;
}

const LayerChoice& choice_of(const LayerChoices& choices, const std::string& module) {
  const auto found = std::find_if(choices.layers.begin(), choices.layers.end(),
                                  [&](const LayerChoice& layer) { return layer.module == module; });
  if (found != choices.layers.end() && found->quantize) return *found;
  throw Failure(
      fmt::format("--smooth: {} is not quantized{}{}, but reads a norm that would be "
                  "divided; leave its norm out of the file of maxima",
                  module, found == choices.layers.end() ? "" : ": ",
                  found == choices.layers.end() ? "" : found->reason));
}

/// The maxima under all names of a group: they are of one activation.
std::vector<float> maxima_of(const TensorFiles& file, const Group& group) {
  std::vector<std::string> names = group.layers;
  names.push_back(group.norm);
  std::vector<float> maxima;
  for (const std::string& name : names) {
    if (!file.contains(name)) continue;
    const std::vector<float> found = value_of(checkpoint::to_f32(value_of(file.find(name))));
    if (maxima.empty()) maxima = found;
    if (found.size() != maxima.size()) {
      throw Failure(
          fmt::format("--smooth: the maxima of {} are {} values and those of layers with "
                      "the same activation {}; collect them again",
                      name, found.size(), maxima.size()));
    }
    for (std::size_t i = 0; i < maxima.size(); ++i) {
      if (!std::isfinite(found[i]) || found[i] < 0) {
        throw Failure(
            fmt::format("--smooth: maximum {} of {} is {}; a largest magnitude is finite and not "
                        "negative, so collect them again",
                        i, name, found[i]));
      }
      maxima[i] = std::fmax(maxima[i], found[i]);
    }
  }
  return maxima;
}

void refuse_unknown_names(const TensorFiles& file, const std::vector<Group>& groups) {
  for (const std::string& name : file.names()) {
    const bool known = std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
      return group.norm == name ||
             std::find(group.layers.begin(), group.layers.end(), name) != group.layers.end();
    });
    if (!known) {
      throw Failure(fmt::format(
          "--smooth: there is no norm before {} to fold its factors into: norms are "
          "input_layernorm "
          "(q_proj, k_proj, v_proj), post_attention_layernorm (gate_proj, up_proj; not of experts) "
          "and, with --include-lm-head, model.norm (lm_head). Leave it out of {}",
          name, file.files().front().string()));
    }
  }
}

std::vector<float> weight_maxima(const Tensor& weight) {
  std::vector<float> maxima(static_cast<std::size_t>(weight.shape[1]));
  for (const RowRange& rows : row_ranges(weight)) {
    const std::vector<float> floats = rows_as_floats(weight, rows, nullptr);
    const std::vector<float> part =
        value_of(checkpoint::column_maxima(floats.data(), rows.end - rows.begin, weight.shape[1]));
    for (std::size_t i = 0; i < maxima.size(); ++i) maxima[i] = std::fmax(maxima[i], part[i]);
  }
  return maxima;
}

/// `value` as an element of `dtype`, at `to`.
void store(float value, Dtype dtype, std::byte* to) {
  const auto put = [to](auto element) { std::memcpy(to, &element, sizeof(element)); };
  if (dtype == Dtype::F16) return put(__float2half_rn(value));
  if (dtype == Dtype::BF16) return put(__float2bfloat16_rn(value));
  if (dtype == Dtype::F64) return put(static_cast<double>(value));
  put(value);
}

Tensor rounded_to(const std::vector<float>& values, const Tensor& like) {
  const std::size_t size = checkpoint::dtype_bytes(like.dtype);
  const auto memory = std::make_shared<std::vector<std::byte>>(values.size() * size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    store(values[i], like.dtype, memory->data() + i * size);
  }
  Tensor tensor = like;
  tensor.data = {memory, memory->data()};
  return tensor;
}

struct FoldedNorm {
  Tensor norm;
  ColumnFactors factors;
};

FoldedNorm fold(const Tensor& norm, const std::vector<float>& factors) {
  const std::vector<float> before = value_of(checkpoint::to_f32(norm));
  std::vector<float> divided = before;
  for (std::size_t i = 0; i < divided.size(); ++i) divided[i] /= factors[i];
  std::vector<float> after = value_of(checkpoint::to_f32(rounded_to(divided, norm)));
  auto effective = std::make_shared<std::vector<float>>(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    float& factor = (*effective)[i];
    factor = before[i] / after[i];
    if (std::isfinite(factor) && factor > 0) continue;
    factor = 1;
    after[i] = before[i];
  }
  return {rounded_to(after, norm), std::move(effective)};
}

FoldedNorm smooth_group(const ModelFolder& model, const LayerChoices& choices, const Group& group,
                        const std::vector<float>& maxima, double alpha) {
  const Tensor norm = value_of(model.tensors().find(group.norm + ".weight"));
  std::vector<std::vector<float>> weights;
  for (const std::string& layer : group.layers) {
    weights.push_back(weight_maxima(choice_of(choices, layer).weight));
  }
  const auto factors = checkpoint::smoothing_factors(maxima, weights, alpha);
  if (!factors.ok()) {
    throw Failure(fmt::format("--smooth: {}: {}", group.norm, factors.status().message()));
  }
  if (norm.shape != std::vector<std::int64_t>{static_cast<std::int64_t>(maxima.size())}) {
    throw Failure(fmt::format("--smooth: {} is no vector of the {} inputs of its layers",
                              norm.where, maxima.size()));
  }
  if (model.tensors().contains(group.norm + ".bias")) {
    throw Failure(
        fmt::format("--smooth: {} has a bias, which is not divided here; leave it out of "
                    "the file of maxima",
                    group.norm));
  }
  return fold(norm, factors.value());
}

}  // namespace

Smoothing smooth(const ModelFolder& model, const LayerChoices& choices,
                 const std::filesystem::path& maxima, double alpha, int threads) {
  check_structure(model);
  const TensorFiles file = value_of(TensorFiles::open(maxima));
  const std::vector<Group> groups = groups_of(model, choices);
  refuse_unknown_names(file, groups);
  std::vector<FoldedNorm> folded(groups.size());
  for_each_in_parallel(groups.size(), threads, [&](std::size_t i) {
    const std::vector<float> of_group = maxima_of(file, groups[i]);
    if (!of_group.empty()) folded[i] = smooth_group(model, choices, groups[i], of_group, alpha);
  });
  Smoothing smoothing;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!folded[i].factors) continue;
    smoothing.norms[groups[i].norm + ".weight"] = std::move(folded[i].norm);
    for (const std::string& layer : groups[i].layers) smoothing.factors[layer] = folded[i].factors;
  }
  if (smoothing.norms.empty()) {
    throw Failure(fmt::format("--smooth: {} holds no maxima", maxima.string()));
  }
  return smoothing;
}

}  // namespace qlinear::tools
