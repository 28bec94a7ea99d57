#include "tune/layers_of_checkpoint.hpp"

#include "support/failure.hpp"

#include <fmt/format.h>
#include <qlinear/checkpoint/checkpoint.hpp>

#include <algorithm>
#include <map>
#include <string_view>

namespace qlinear::tools {
namespace {

using Shapes = std::map<std::string, LayerShape>;

void add(const LayerShape& shape, std::vector<LayerShape>& shapes) {
  if (std::find(shapes.begin(), shapes.end(), shape) == shapes.end()) shapes.push_back(shape);
}

/// The sibling of `layer` that has `suffix` where it has `own`; null where there is none.
const LayerShape* sibling(const Shapes& layers, const std::string& layer, std::string_view own,
                          std::string_view suffix) {
  const auto found = layers.find(layer.substr(0, layer.size() - own.size()) + std::string(suffix));
  return found == layers.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<LayerShape> layers_of_checkpoint(const std::string& folder) {
  const checkpoint::Checkpoint checkpoint = value_of(checkpoint::Checkpoint::open(folder));
  Shapes layers;
  for (const checkpoint::LayerSummary& layer : checkpoint.layers()) {
    if (layer.quantized) layers[layer.name] = {layer.n, layer.k};
  }
  if (layers.empty()) {
    throw Failure(
        fmt::format("{} holds no quantized layer; `qlinear inspect {}` says why", folder, folder));
  }
  std::vector<LayerShape> shapes;
  for (const auto& [name, shape] : layers) {
    add(shape, shapes);
    if (name.ends_with("q_proj")) {
      const LayerShape* k = sibling(layers, name, "q_proj", "k_proj");
      const LayerShape* v = sibling(layers, name, "q_proj", "v_proj");
      if (k != nullptr && v != nullptr) add({shape.n + k->n + v->n, shape.k}, shapes);
    } else if (name.ends_with("gate_proj")) {
      const LayerShape* up = sibling(layers, name, "gate_proj", "up_proj");
      if (up != nullptr) add({shape.n + up->n, shape.k}, shapes);
    }
  }
  return shapes;
}

}  // namespace qlinear::tools
