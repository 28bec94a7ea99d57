#include <qlinear/checkpoint/checkpoint.hpp>

#include <checkpoint/conventions.hpp>
#include <checkpoint/failure.hpp>
#include <checkpoint/layer_tensors.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

namespace qlinear::checkpoint {
namespace detail {

/// What is known of a module with a weight of two dimensions.
struct Module {
  std::optional<Scheme> scheme;
  Status refusal;  ///< Why it cannot be loaded, if it has no scheme.
};

}  // namespace detail

namespace {

using detail::Module;

constexpr std::string_view kWeightSuffix = ".weight";

Status unquantized(const Tensor& weight, const std::string& why) {
  return {StatusCode::InvalidProblem,
          weight.where + " is stored as " + to_string(weight.dtype) + why +
              "; it is no quantized layer: read its tensors, or quantize it"};
}

Module examine(const TensorFiles& files, const std::string& name, const Tensor& weight,
               const detail::LayerRules& rules) {
  if (weight.dtype != Dtype::I8) return {{}, unquantized(weight, "")};
  if (rules.ignores(name)) return {{}, unquantized(weight, ", and the configuration ignores it")};
  detail::Outcome outcome = rules.find(name);
  if (!outcome.scheme && outcome.refusal.empty()) {
    return {{}, unquantized(weight, ", and the configuration does not say how it is quantized")};
  }
  if (!outcome.scheme) return {{}, {StatusCode::Unsupported, outcome.refusal}};
  try {
    find_layer_tensors(files, name, *outcome.scheme);
  } catch (const detail::Failure& failure) {
    return {{}, failure.status()};
  }
  return {outcome.scheme, {}};
}

/// What of the format would be there instead of a weight.
void check_not_packed(const TensorFiles& files, const std::string& name) {
  for (const char* suffix : {".weight_packed", ".qweight"}) {
    if (files.contains(name + suffix)) {
      detail::fail_unsupported("layer " + detail::in_quotes(name) + " is packed: it has " +
                               detail::in_quotes(name + suffix) +
                               "; use a checkpoint with format int-quantized");
    }
  }
}

}  // namespace

struct Checkpoint::State {
  State(TensorFiles tensor_files, detail::Configuration from)
      : files(std::move(tensor_files)), configuration(std::move(from)) {}

  void add_module(const std::string& name) {
    const Result<Tensor> weight = files.find(name + std::string(kWeightSuffix));
    if (!weight.ok() || weight.value().shape.size() != 2) return;
    Module module = examine(files, name, weight.value(), configuration.rules);
    const std::vector<std::int64_t>& shape = weight.value().shape;
    const bool quantized = module.scheme.has_value();
    layers.push_back({name, shape[0], shape[1], quantized,
                      quantized ? description(*module.scheme) : module.refusal.message()});
    modules.emplace(name, std::move(module));
  }

  QuantizedLinear linear(const std::string& name) const {
    const auto found = modules.find(name);
    if (found == modules.end()) {
      check_not_packed(files, name);
      const Result<Tensor> weight = files.find(name + std::string(kWeightSuffix));
      if (!weight.ok()) throw detail::Failure(weight.status());
      detail::fail(weight.value().where + " has no two dimensions, so it is no linear layer");
    }
    const Module& module = found->second;
    if (!module.scheme) throw detail::Failure(module.refusal);
    return layer_of(find_layer_tensors(files, name, *module.scheme), *module.scheme);
  }

  TensorFiles files;
  detail::Configuration configuration;
  std::map<std::string, Module, std::less<>> modules;
  std::vector<LayerSummary> layers;
};

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& folder,
                                    Convention convention) noexcept {
  return detail::without_exceptions([&]() -> Result<Checkpoint> {
    Result<TensorFiles> files = TensorFiles::open(folder);
    if (!files.ok()) return files.status();
    detail::Configuration configuration =
        detail::read_configuration(files.value().folder(), convention);
    const auto state = std::make_shared<State>(std::move(files).value(), std::move(configuration));
    for (const std::string& name : state->files.names()) {
      if (name.size() <= kWeightSuffix.size()) continue;
      const std::size_t length = name.size() - kWeightSuffix.size();
      if (name.compare(length, kWeightSuffix.size(), kWeightSuffix) == 0) {
        state->add_module(name.substr(0, length));
      }
    }
    std::sort(state->layers.begin(), state->layers.end(),
              [](const LayerSummary& a, const LayerSummary& b) { return a.name < b.name; });
    return Checkpoint(state);
  });
}

Convention Checkpoint::convention() const noexcept { return state_->configuration.convention; }

const TensorFiles& Checkpoint::tensors() const& noexcept { return state_->files; }
TensorFiles Checkpoint::tensors() const&& noexcept { return state_->files; }

const std::vector<LayerSummary>& Checkpoint::layers() const& noexcept { return state_->layers; }

bool Checkpoint::is_quantized(std::string_view name) const noexcept {
  const auto found = state_->modules.find(name);
  return found != state_->modules.end() && found->second.scheme.has_value();
}

Result<QuantizedLinear> Checkpoint::linear(std::string_view name) const noexcept {
  return detail::without_exceptions(
      [&]() -> Result<QuantizedLinear> { return state_->linear(std::string(name)); });
}

Result<QuantizedLinear> Checkpoint::fused_linear(
    const std::vector<std::string>& names) const noexcept {
  return detail::without_exceptions([&]() -> Result<QuantizedLinear> {
    std::vector<QuantizedLinear> layers;
    layers.reserve(names.size());
    for (const std::string& name : names) layers.push_back(state_->linear(name));
    return concatenate_rows(layers);
  });
}

Result<Tensor> Checkpoint::tensor(std::string_view name, std::string_view tied_to) const noexcept {
  const bool tied = !tied_to.empty() && !state_->files.contains(name);
  return state_->files.find(tied ? tied_to : name);
}

const std::string& Checkpoint::config() const& noexcept { return state_->configuration.text; }

}  // namespace qlinear::checkpoint
