#include "linear_case.hpp"

#include <base/enumerators.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace qlinear::test {
namespace {

/// Writes those members of a designated initializer that differ from their defaults.
class InitializerWriter {
 public:
  template <class T>
  void member(const char* name, const T& value, const T& default_value) {
    if (value != default_value) begin(name) << value;
  }
  void member(const char* name, std::string_view value) {
    if (!value.empty()) begin(name) << '"' << value << '"';
  }
  void member(const char* name, const Placement& value) {
    if (value.padding == 0 && value.offset == 0) return;
    begin(name) << "{.padding=" << value.padding << ", .offset=" << value.offset << '}';
  }
  void member(const char* name, Fill value) {
    if (value != Fill::Gaussian) begin(name) << "Fill::" << to_string(value);
  }
  void member(const char* name, WorkspaceUse value) {
    if (value == WorkspaceUse::Withheld) begin(name) << "WorkspaceUse::Withheld";
    if (value == WorkspaceUse::Forbidden) begin(name) << "WorkspaceUse::Forbidden";
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void enumerator(const char* name, const char* type, Enum value) {
    if (value == Enum{}) return;
    begin(name) << type << '{' << static_cast<int>(value) << '}';
  }
  void braced(const char* name, const InitializerWriter& members) {
    if (!members.text_.str().empty()) begin(name) << '{' << members.text_.str() << '}';
  }
  std::string finish() const { return "LinearCase{" + text_.str() + "}"; }

 private:
  std::ostream& begin(const char* name) {
    if (text_.tellp() != 0) text_ << ", ";
    return text_ << '.' << name << '=' << std::boolalpha;
  }
  std::ostringstream text_;
};

InitializerWriter written(const SourceDescriptor& source) {
  InitializerWriter writer;
  writer.enumerator("kind", "SourceKind", source.kind);
  writer.enumerator("function", "ActivationFunction", source.function);
  writer.member("residual", source.residual, false);
  writer.member("residual_in_compute_type", source.residual_in_compute_type, false);
  writer.member("norm_weight_in_compute_type", source.norm_weight_in_compute_type, false);
  writer.member("unit_offset", source.unit_offset, false);
  writer.member("eps", source.eps, 0.0);
  return writer;
}

InitializerWriter written(const ScaleDescriptor& scale) {
  InitializerWriter writer;
  writer.enumerator("kind", "ScaleKind", scale.kind);
  writer.member("zero_points", scale.zero_points, false);
  return writer;
}

InitializerWriter written(const EpilogueDescriptor& epilogue) {
  InitializerWriter writer;
  writer.enumerator("activation", "ActivationFunction", epilogue.activation);
  writer.member("gated", epilogue.gated, false);
  writer.member("routing_weight", epilogue.routing_weight, false);
  writer.member("residual", epilogue.residual, false);
  return writer;
}

InitializerWriter written(const LayerOptions& options) {
  InitializerWriter writer;
  writer.braced("source", written(options.source));
  writer.braced("scale", written(options.scale));
  writer.member("weight_zero_points", options.weight_zero_points, false);
  writer.braced("epilogue", written(options.epilogue));
  writer.member("norm_weight", options.norm_weight, false);
  writer.member("norm_bias", options.norm_bias, false);
  writer.member("normed_out", options.normed_out, false);
  writer.member("residual_in_place", options.residual_in_place, false);
  writer.member("one_scale", options.one_scale, false);
  writer.member("output_in_place", options.output_in_place, false);
  return writer;
}

/// Any function that activations of `element` may have, from `first` on.
ActivationFunction draw_function(Random& random, ElementKind element, ActivationFunction first) {
  std::vector<ActivationFunction> functions;
  for (auto i = static_cast<int>(first);
       i < qlinear::detail::enumerator_count<ActivationFunction>(); ++i) {
    const auto function = static_cast<ActivationFunction>(i);
    if (qlinear::detail::has_function(element, function)) functions.push_back(function);
  }
  return functions[random.index(functions.size())];
}

}  // namespace

bool operator==(const LayerOptions& a, const LayerOptions& b) {
  return a.source == b.source && a.scale == b.scale &&
         a.weight_zero_points == b.weight_zero_points && a.epilogue == b.epilogue &&
         a.norm_weight == b.norm_weight && a.norm_bias == b.norm_bias &&
         a.normed_out == b.normed_out && a.residual_in_place == b.residual_in_place &&
         a.one_scale == b.one_scale && a.output_in_place == b.output_in_place;
}

std::string to_string(const LinearCase& c) {
  const LinearCase defaults;
  InitializerWriter writer;
  writer.member("m", c.m, std::int64_t{-1});
  writer.member("n", c.n, std::int64_t{-1});
  writer.member("k", c.k, std::int64_t{-1});
  writer.member("q_min", c.q_min, defaults.q_min);
  writer.member("q_max", c.q_max, defaults.q_max);
  writer.member("activation", c.activation);
  writer.member("weight", c.weight);
  writer.member("output", c.output);
  writer.member("scratch", c.scratch);
  writer.member("vector_offset", c.vector_offset, defaults.vector_offset);
  writer.member("tight", c.tight, defaults.tight);
  writer.member("bias", c.bias, defaults.bias);
  writer.braced("options", written(c.options));
  writer.member("fill", c.fill);
  writer.member("seed", c.seed, std::uint64_t{0});
  writer.member("kernel", c.kernel);
  writer.member("quantize_kernel", c.quantize_kernel);
  writer.member("split_k", c.split_k, defaults.split_k);
  writer.member("workspace", c.workspace);
  writer.member("max_sms", c.max_sms, defaults.max_sms);
  return writer.finish();
}

std::ostream& operator<<(std::ostream& stream, const LinearCase& c) {
  return stream << to_string(c);
}

PlanPreference preference_of(const LinearCase& c) {
  PlanPreference preference;
  preference.kernel = c.kernel;
  preference.quantize_kernel = c.quantize_kernel;
  preference.split_k = c.split_k;
  preference.max_sms = c.max_sms;
  if (c.workspace == WorkspaceUse::Forbidden) preference.max_workspace = 0;
  return preference;
}

void draw_source_and_scale(Random& random, ElementKind element, bool may_be_given,
                           LayerOptions& options) {
  constexpr std::array kEps = {1e-5, 1e-6, 1e-12, 0.5, 1e-42};
  options.scale.kind = static_cast<ScaleKind>(random.between(
      0, static_cast<std::int64_t>(may_be_given ? ScaleKind::Given : ScaleKind::Static)));
  const bool free =
      options.scale.kind == ScaleKind::Static || options.scale.kind == ScaleKind::Given;
  options.scale.zero_points = free && random.one_in(2);
  options.one_scale = free && random.one_in(2);
  if (options.scale.kind == ScaleKind::Given) return;
  SourceDescriptor& source = options.source;
  source.kind =
      static_cast<SourceKind>(random.index(qlinear::detail::enumerator_count<SourceKind>()));
  if (source.kind == SourceKind::Gated) {
    source.function = draw_function(random, element, ActivationFunction::Relu);
  }
  const bool rms = source.kind == SourceKind::RmsNorm;
  if (!rms && source.kind != SourceKind::LayerNorm) return;
  source.eps = kEps[random.index(kEps.size())];
  source.residual = random.one_in(2);
  source.residual_in_compute_type = source.residual && random.one_in(3);
  source.norm_weight_in_compute_type = random.one_in(3);
  source.unit_offset = rms && random.one_in(3);
  options.norm_weight = !random.one_in(4);
  options.norm_bias = !rms && random.one_in(2);
  options.normed_out = random.one_in(2);
  options.residual_in_place = source.residual && random.one_in(2);
}

void draw_epilogue(Random& random, ElementKind element, LayerOptions& options) {
  EpilogueDescriptor& epilogue = options.epilogue;
  options.weight_zero_points = random.one_in(3);
  epilogue.gated = random.one_in(4);
  epilogue.activation = draw_function(
      random, element, epilogue.gated ? ActivationFunction::Relu : ActivationFunction::None);
  if (epilogue.gated) return;
  epilogue.routing_weight = random.one_in(3);
  epilogue.residual = random.one_in(3);
  options.output_in_place = epilogue.residual && random.one_in(2);
}

void draw_options(Random& random, TypePair types, LinearCase& c) {
  draw_source_and_scale(random, types.activation, true, c.options);
  draw_epilogue(random, types.activation, c.options);
  if (c.options.epilogue.gated) c.n += c.n % 2;
  QuantizedLinearDescriptor descriptor;
  descriptor.q_min = c.q_min;
  descriptor.q_max = c.q_max;
  descriptor.scale = c.options.scale;
  descriptor.weight_zero_points = c.options.weight_zero_points;
  c.k = std::min(c.k, max_k(descriptor, types.weight));
}

}  // namespace qlinear::test
