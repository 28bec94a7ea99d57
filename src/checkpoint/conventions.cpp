#include <checkpoint/conventions.hpp>
#include <checkpoint/failure.hpp>
#include <checkpoint/file.hpp>
#include <checkpoint/json_text.hpp>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>
#include <vector>

namespace qlinear::checkpoint {

const char* to_string(Convention convention) noexcept {
  switch (convention) {
    case Convention::Detect:
      return "detect";
    case Convention::CompressedTensors:
      return "compressed-tensors";
    case Convention::W8A8Int8:
      return "w8a8_int8";
    case Convention::SmoothQuant:
      return "smooth_quant";
    case Convention::ModelOpt:
      return "modelopt";
    case Convention::Quark:
      return "quark";
  }
  return "unknown";
}

namespace detail {
namespace {

constexpr const char* kInstead =
    "; use a W8A8 checkpoint of the model, such as one of compressed-tensors with format "
    "int-quantized, or quantize its float weights with `qlinear quantize`";

/// The member `key` of `object`, or null.
const json& member(const json& object, const char* key) {
  static const json null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

/// A text, empty if it is null.
std::string text_of(const json& object, const char* key, const std::string& where) {
  const json& value = member(object, key);
  if (value.is_null()) return {};
  if (!value.is_string())
    fail(where + " has as " + key + " " + brief(value) + ", which is no text");
  return value.get<std::string>();
}

bool flag_of(const json& object, const char* key, bool if_null, const std::string& where) {
  const json& value = member(object, key);
  if (value.is_null()) return if_null;
  if (!value.is_boolean()) {
    fail(where + " has as " + key + " " + brief(value) + "; expected true or false");
  }
  return value.get<bool>();
}

const json& object_of(const json& object, const char* key, const std::string& where) {
  const json& value = member(object, key);
  if (!value.is_null() && !value.is_object()) {
    fail(where + " has as " + key + " " + brief(value) + "; expected an object");
  }
  return value;
}

std::vector<std::string> texts_of(const json& object, const char* key, const std::string& where) {
  const json& list = member(object, key);
  std::vector<std::string> texts;
  if (list.is_null()) return texts;
  if (!list.is_array()) fail(where + " has as " + key + " " + brief(list) + "; expected a list");
  for (const json& text : list) {
    if (!text.is_string())
      fail(where + " has in " + key + " " + brief(text) + ", which is no text");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

void ignore_all(LayerRules& rules, const json& object, const char* key, const std::string& where) {
  for (std::string& text : texts_of(object, key, where)) {
    rules.ignore(ModulePattern(std::move(text), where));
  }
}

ActivationScheme activation_of(bool is_static, bool symmetric) {
  ActivationScheme scheme;
  scheme.is_static = is_static;
  scheme.symmetric = symmetric;
  // No symmetric dynamic value is below -127, since the scale is the largest magnitude / 127.
  scheme.q_min = !is_static && symmetric ? -127 : -128;
  return scheme;
}

// compressed-tensors

/// What is wrong with the `weights` or `input_activations` of a group, if anything is.
std::string wrong_type(const json& arguments, const char* what, const std::string& where) {
  const std::string type = text_of(arguments, "type", where);
  const json& bits = member(arguments, "num_bits");
  if (bits != 8 || (type != "int" && !type.empty())) {
    return std::string("its ") + what + " are " + brief(bits) + " bits of type " + in_quotes(type) +
           ", and int8 is what can be loaded";
  }
  return {};
}

/// "tensor", "channel", "token", "group", "block", ...: where none is given, the group size says
/// it.
std::string strategy_of(const json& arguments, const std::string& where) {
  std::string strategy = text_of(arguments, "strategy", where);
  if (!strategy.empty()) return strategy;
  const json& size = member(arguments, "group_size");
  if (size.is_null()) return "tensor";
  if (!size.is_number_integer()) fail(where + " has the group_size " + brief(size));
  return size == -1 ? "channel" : "group";
}

Outcome refused(const std::string& where, const std::string& reason) {
  return {{}, where + ": " + reason + kInstead};
}

Outcome weights_of_group(const json& weights, const std::string& where) {
  const std::string wrong = wrong_type(weights, "weights", where);
  if (!wrong.empty()) return refused(where, wrong);
  const std::string strategy = strategy_of(weights, where);
  if (strategy != "channel" && strategy != "tensor") {
    return refused(where, "its weights have scales by " + in_quotes(strategy) +
                              ", and by channel or tensor is what can be loaded");
  }
  Scheme scheme;
  scheme.scale_per_row = strategy == "channel";
  scheme.weight_zero_points = !flag_of(weights, "symmetric", true, where);
  return {scheme, {}};
}

Outcome activations_of_group(Scheme scheme, const json& activations, const std::string& where) {
  const std::string wrong = wrong_type(activations, "activations", where);
  if (!wrong.empty()) return refused(where, wrong);
  const json& dynamic = member(activations, "dynamic");
  if (!dynamic.is_null() && !dynamic.is_boolean()) {
    return refused(where, "its activations are dynamic " + brief(dynamic));
  }
  const bool is_static = dynamic.is_null() || dynamic == false;
  const std::string strategy = strategy_of(activations, where);
  if (strategy != (is_static ? "tensor" : "token")) {
    return refused(where, std::string("its activations are ") + (is_static ? "static" : "dynamic") +
                              " by " + in_quotes(strategy) +
                              ", and static by tensor or dynamic by token is what can be loaded");
  }
  scheme.activation = activation_of(is_static, flag_of(activations, "symmetric", true, where));
  return {scheme, {}};
}

Outcome outcome_of_group(const json& group, const std::string& general_format,
                         const std::string& where) {
  std::string format = text_of(group, "format", where);
  if (format.empty()) format = general_format;
  const json& weights = object_of(group, "weights", where);
  const json& activations = object_of(group, "input_activations", where);
  if (weights.is_null()) return refused(where, "it quantizes no weights");
  Outcome outcome = weights_of_group(weights, where);
  if (!outcome.scheme) return outcome;
  if (activations.is_null()) return refused(where, "it quantizes weights alone");
  if (!object_of(group, "output_activations", where).is_null()) {
    return refused(where, "it quantizes outputs, too");
  }
  if (format != "int-quantized" && format != "naive-quantized" && !format.empty()) {
    return refused(
        where, "its format is " + in_quotes(format) + ", and int-quantized is what can be loaded");
  }
  return activations_of_group(*outcome.scheme, activations, where);
}

/// Whether `sparsity` says that weights are stored in another way than as they are.
bool is_sparse(const json& sparsity, const std::string& where) {
  return !sparsity.is_null() && !sparsity.empty() && text_of(sparsity, "format", where) != "dense";
}

LayerRules rules_of_compressed_tensors(const json& config, const std::string& where) {
  if (is_sparse(object_of(config, "sparsity_config", where), where)) {
    fail_unsupported(where + " has a sparsity_config: weights are compressed" + kInstead);
  }
  const json& transform = member(config, "transform_config");
  if (!transform.is_null() && !transform.empty()) {
    fail_unsupported(where + " has a transform_config: activations are transformed" + kInstead);
  }
  const json& groups = object_of(config, "config_groups", where);
  if (groups.is_null()) fail(where + " has no config_groups");
  const std::string format = text_of(config, "format", where);
  LayerRules rules;
  for (const auto& [name, group] : groups.items()) {
    const std::string where_group = "group " + in_quotes(name) + " of " + where;
    if (!group.is_object()) fail(where_group + " is no object");
    const Outcome outcome = outcome_of_group(group, format, where_group);
    for (std::string& target : texts_of(group, "targets", where_group)) {
      rules.add(ModulePattern(std::move(target), where_group), outcome);
    }
  }
  ignore_all(rules, config, "ignore", where);
  return rules;
}

// Quark

Outcome outcome_of_quark(const json& spec, const std::string& where) {
  const json& weight = member(spec, "weight");
  const json& input = member(spec, "input_tensors");
  if (input.is_null() || weight.is_null()) {
    return refused(where, "it does not quantize both weights and activations");
  }
  if (!weight.is_object() || !input.is_object()) {
    return refused(where, "it quantizes in more than one step");
  }
  if (text_of(weight, "dtype", where) != "int8" || text_of(input, "dtype", where) != "int8") {
    return refused(where, "its weights and activations are not both int8");
  }
  if (!member(spec, "output_tensors").is_null() || !member(spec, "bias").is_null()) {
    return refused(where, "it quantizes outputs or biases, too");
  }
  const std::string weight_scheme = text_of(weight, "qscheme", where);
  const std::string input_scheme = text_of(input, "qscheme", where);
  const bool is_static = !flag_of(input, "is_dynamic", false, where);
  if (weight_scheme != "per_channel" && weight_scheme != "per_tensor") {
    return refused(where, "its weights have scales " + in_quotes(weight_scheme));
  }
  // A channel of an activation is a token.
  if (input_scheme != (is_static ? "per_tensor" : "per_channel") &&
      (is_static || input_scheme != "per_token")) {
    return refused(where, std::string("its activations are ") +
                              (is_static ? "static " : "dynamic ") + in_quotes(input_scheme));
  }
  Scheme scheme;
  scheme.scale_per_row = weight_scheme == "per_channel";
  scheme.weight_zero_points = !flag_of(weight, "symmetric", true, where);
  scheme.activation = activation_of(is_static, flag_of(input, "symmetric", true, where));
  return {scheme, {}};
}

LayerRules rules_of_quark(const json& config, const std::string& where) {
  LayerRules rules;
  const json& global = object_of(config, "global_quant_config", where);
  if (!global.is_null()) rules.add(ModulePattern::any(), outcome_of_quark(global, where));
  for (const char* key : {"layer_quant_config", "layer_type_quant_config"}) {
    for (const auto& [name, spec] : object_of(config, key, where).items()) {
      const std::string where_spec = in_quotes(name) + " of " + where;
      if (!spec.is_object()) fail(where_spec + " is no object");
      rules.add(ModulePattern(name, where_spec), outcome_of_quark(spec, where_spec));
    }
  }
  ignore_all(rules, config, "exclude", where);
  return rules;
}

// The others

LayerRules rules_of_modelopt(const json& config, const std::string& where) {
  const std::string algorithm = text_of(config, "quant_algo", where);
  if (algorithm != "W8A8_SQ_PER_CHANNEL") {
    fail_unsupported(where + " has the quant_algo " + in_quotes(algorithm) +
                     ", and W8A8_SQ_PER_CHANNEL is what can be loaded" + kInstead);
  }
  Scheme scheme;
  scheme.column_factor = true;
  scheme.static_if_scale_given = true;
  scheme.activation = activation_of(false, true);
  LayerRules rules;
  rules.add(ModulePattern::any(), {scheme, {}});
  ignore_all(rules, config, "exclude_modules", where);
  ignore_all(rules, config, "ignore", where);
  return rules;
}

/// Every layer with a weight of int8 and a scale a row.
LayerRules rules_of_rows(const char* scale_name) {
  Scheme scheme;
  scheme.scale_name = scale_name;
  scheme.activation = activation_of(false, true);
  LayerRules rules;
  rules.add(ModulePattern::any(), {scheme, {}});
  return rules;
}

LayerRules rules_of_smooth_quant(const json& config, const std::string& where) {
  const std::string dtype = text_of(config, "quant_dtype", where);
  if (!dtype.empty() && dtype != "int8") {
    fail_unsupported(where + " has the quant_dtype " + in_quotes(dtype) +
                     ", and int8 is what can be loaded" + kInstead);
  }
  return rules_of_rows("scale");
}

LayerRules rules_of_w8a8_int8(const json& config, const std::string& where) {
  if (!member(config, "weight_block_size").is_null()) {
    fail_unsupported(where + " has a weight_block_size: scales are by block" + kInstead);
  }
  return rules_of_rows("weight_scale");
}

LayerRules rules_of(Convention convention, const json& config, const std::string& where) {
  switch (convention) {
    case Convention::CompressedTensors:
      return rules_of_compressed_tensors(config, where);
    case Convention::W8A8Int8:
      return rules_of_w8a8_int8(config, where);
    case Convention::SmoothQuant:
      return rules_of_smooth_quant(config, where);
    case Convention::ModelOpt:
      return rules_of_modelopt(config, where);
    case Convention::Quark:
      return rules_of_quark(config, where);
    default:
      fail("the convention " + std::to_string(static_cast<int>(convention)) +
           " does not exist; pass one of the enumeration");
  }
}

struct OtherMethod {
  const char* name;
  const char* reason;
};
constexpr std::array<OtherMethod, 11> kOtherMethods = {{
    {"gptq", "it quantizes weights alone"},
    {"gptq_marlin", "it quantizes weights alone"},
    {"awq", "it quantizes weights alone"},
    {"auto-round", "it quantizes weights alone"},
    {"bitsandbytes", "it quantizes while a model is loaded"},
    {"hqq", "it quantizes weights alone"},
    {"aqlm", "it quantizes weights alone"},
    {"fp8", "its weights are fp8"},
    {"fbgemm_fp8", "its weights are fp8"},
    {"mxfp4", "its weights are of 4 bits"},
    {"blockwise_int8", "its scales are by block"},
}};

Convention convention_of(const json& config, const std::string& where) {
  const std::string method = text_of(config, "quant_method", where);
  for (const Convention convention :
       {Convention::CompressedTensors, Convention::W8A8Int8, Convention::SmoothQuant,
        Convention::ModelOpt, Convention::Quark}) {
    if (method == to_string(convention)) return convention;
  }
  if (method.empty() && config.contains("config_groups")) return Convention::CompressedTensors;
  if (method.empty() && config.contains("quant_algo")) return Convention::ModelOpt;
  for (const OtherMethod& other : kOtherMethods) {
    if (method == other.name) {
      fail_unsupported(where + " has the quant_method " + in_quotes(method) + ": " + other.reason +
                       kInstead);
    }
  }
  fail_unsupported(where + " has the quant_method " + in_quotes(method) +
                   ", which is not known; where it is a known one under another name, pass its "
                   "convention");
}

/// The part of `config.json` that is about quantization, or null.
json quantization_part(const json& config, const std::string& where) {
  for (const char* key : {"quantization_config", "compression_config"}) {
    json part = object_of(config, key, where);
    if (part.is_null()) continue;
    // Older files hold it one level deeper, beside the sparsity.
    const json inner = object_of(part, "quantization_config", where);
    if (inner.is_null()) return part;
    part.erase("quantization_config");
    part.update(inner);
    return part;
  }
  // Models of several kinds of input.
  const json& language = member(config, "text_config");
  return language.is_object() ? quantization_part(language, where) : json();
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

}  // namespace

Configuration read_configuration(const std::filesystem::path& folder, Convention convention) {
  const std::filesystem::path path = folder / "config.json";
  const std::filesystem::path modelopt_path = folder / "hf_quant_config.json";
  std::string where = in_quotes(path.native());
  Configuration configuration;
  json part;
  if (is_there(path)) {
    configuration.text = read_text(path, kMaxJsonBytes);
    part = quantization_part(parse_json(configuration.text, where), where);
  }
  if (part.is_null() && is_there(modelopt_path)) {
    where = in_quotes(modelopt_path.native());
    part = object_of(parse_json(read_text(modelopt_path, kMaxJsonBytes), where), "quantization",
                     where);
    if (!part.is_null() && convention == Convention::Detect) convention = Convention::ModelOpt;
  }
  const bool needs_no_part =
      convention == Convention::W8A8Int8 || convention == Convention::SmoothQuant;
  if (part.is_null() && !needs_no_part) {
    fail(where +
         (is_there(path) || is_there(modelopt_path)
              ? " has no quantization_config: the checkpoint may not be quantized"
              : " is missing") +
         "; pass the convention w8a8_int8 where its tensors are so, or quantize it with `qlinear "
         "quantize`");
  }
  if (part.is_null()) part = json::object();
  configuration.convention =
      convention == Convention::Detect ? convention_of(part, where) : convention;
  configuration.rules = rules_of(configuration.convention, part, where);
  configuration.rules.check();
  return configuration;
}

}  // namespace detail
}  // namespace qlinear::checkpoint
