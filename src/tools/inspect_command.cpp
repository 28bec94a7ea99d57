#include "commands.hpp"
#include "support/failure.hpp"
#include "support/text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <qlinear/checkpoint/checkpoint.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace qlinear::tools {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Convention;
using checkpoint::Dtype;
using checkpoint::LayerSummary;
using checkpoint::Tensor;
using checkpoint::TensorFiles;
using Json = nlohmann::ordered_json;

struct InspectOptions {
  std::string folder;
  Convention convention = Convention::Detect;
  bool as_json = false;
  bool all = false;
};

struct Sizes {
  std::uint64_t quantized = 0;
  std::uint64_t other = 0;
  std::size_t tensors = 0;
};

/// Bytes of the tensors of quantized layers, and of all others.
Sizes sizes_of(const Checkpoint& model) {
  Sizes sizes;
  for (const std::string& name : model.tensors().names()) {
    const Tensor tensor = value_of(model.tensors().find(name));
    const std::size_t dot = name.rfind('.');
    const bool quantized = dot != std::string::npos && model.is_quantized(name.substr(0, dot));
    (quantized ? sizes.quantized : sizes.other) += tensor.bytes;
    ++sizes.tensors;
  }
  return sizes;
}

/// "model.layers.*.mlp.up_proj": numbers are what the layers of a model differ in.
std::string pattern_of(const std::string& name) {
  std::string pattern;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    pattern += (begin > 0 ? "." : "") + (number ? "*" : part);
    begin = end + 1;
  }
  return pattern;
}

/// A tensor of floats is no fault of the checkpoint's; the library's note is about loading it.
std::string note_of(const Checkpoint& model, const LayerSummary& layer) {
  if (layer.quantized) return layer.note;
  const Result<Tensor> weight = model.tensors().find(layer.name + ".weight");
  if (!weight.ok()) return layer.note;
  switch (weight.value().dtype) {
    case Dtype::F16:
    case Dtype::BF16:
    case Dtype::F32:
    case Dtype::F64:
      return fmt::format("{}, not quantized", to_string(weight.value().dtype));
    default:
      return layer.note;
  }
}

std::string layer_table(const Checkpoint& model, bool all) {
  using Key = std::tuple<std::string, std::int64_t, std::int64_t, std::string>;
  std::map<Key, std::size_t> counts;
  for (const LayerSummary& layer : model.layers()) {
    ++counts[{all ? layer.name : pattern_of(layer.name), layer.n, layer.k, note_of(model, layer)}];
  }
  std::vector<std::vector<std::string>> rows{{"layers", "", "N", "K", "how, or why not"}};
  for (const auto& [key, count] : counts) {
    const auto& [name, n, k, note] = key;
    rows.push_back({std::to_string(count), name, std::to_string(n), std::to_string(k), note});
  }
  return table_text(rows, "rlrrl");
}

/// What a folder holds that is no checkpoint of quantized layers.
std::string tensor_table(const TensorFiles& tensors, bool all) {
  std::map<std::array<std::string, 3>, std::size_t> counts;
  for (const std::string& name : tensors.names()) {
    const Tensor tensor = value_of(tensors.find(name));
    ++counts[{all ? name : pattern_of(name), to_string(tensor.dtype), shape_text(tensor.shape)}];
  }
  std::vector<std::vector<std::string>> rows{{"tensors", "", "dtype", "shape"}};
  for (const auto& [key, count] : counts) {
    rows.push_back({std::to_string(count), key[0], key[1], key[2]});
  }
  return table_text(rows, "rlll");
}

Json json_of(const Checkpoint& model) {
  const Sizes sizes = sizes_of(model);
  Json json;
  json["convention"] = to_string(model.convention());
  json["files"] = model.tensors().files().size();
  json["tensors"] = sizes.tensors;
  json["quantized_bytes"] = sizes.quantized;
  json["other_bytes"] = sizes.other;
  json["layers"] = Json::array();
  for (const LayerSummary& layer : model.layers()) {
    json["layers"].push_back({{"name", layer.name},
                              {"n", layer.n},
                              {"k", layer.k},
                              {"quantized", layer.quantized},
                              {"note", layer.note}});
  }
  return json;
}

void inspect(const InspectOptions& options) {
  Result<Checkpoint> opened = Checkpoint::open(options.folder, options.convention);
  if (!opened.ok() && !options.as_json) {
    const Result<TensorFiles> tensors = TensorFiles::open(options.folder);
    if (tensors.ok()) fmt::print("{}", tensor_table(tensors.value(), options.all));
  }
  const Checkpoint model = value_of(std::move(opened));
  if (options.as_json) {
    fmt::print("{}\n", json_of(model).dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  const Sizes sizes = sizes_of(model);
  std::size_t quantized = 0;
  for (const LayerSummary& layer : model.layers()) quantized += layer.quantized ? 1 : 0;
  fmt::print("{}: {}, {} tensors in {} file{}\n\n{}\n", options.folder,
             to_string(model.convention()), sizes.tensors, model.tensors().files().size(),
             model.tensors().files().size() == 1 ? "" : "s", layer_table(model, options.all));
  fmt::print("{} of {} weights are int8: {} with their scales; other tensors: {}\n", quantized,
             model.layers().size(), bytes_text(sizes.quantized), bytes_text(sizes.other));
}

std::map<std::string, Convention> conventions() {
  std::map<std::string, Convention> names;
  for (const Convention convention :
       {Convention::CompressedTensors, Convention::W8A8Int8, Convention::SmoothQuant,
        Convention::ModelOpt, Convention::Quark}) {
    names[to_string(convention)] = convention;
  }
  return names;
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* const command = app.add_subcommand(
      "inspect", "List a checkpoint's layers: how each would be loaded, or why not");
  command->footer("A * in a name stands for the numbers of layers that are alike.");
  command->add_option("DIR", options->folder, "Folder of the checkpoint, or a safetensors file")
      ->required();
  std::string names;
  for (const auto& [name, convention] : conventions()) names += (names.empty() ? "" : ", ") + name;
  command
      ->add_option(
          "--convention", options->convention,
          wrapped("What the checkpoint follows, where its config.json does not say so: " + names))
      ->transform(CLI::CheckedTransformer(conventions()).description(""))
      ->type_name("NAME");
  command->add_flag("--all", options->all, "One line for each layer");
  command->add_flag("--json", options->as_json, "Print JSON, one object for each layer");
  command->callback([options] { inspect(*options); });
}

}  // namespace qlinear::tools
