#include "fusion_rules.hpp"

#include <base/enumerators.hpp>
#include <base/invalid.hpp>

#include <cmath>
#include <cstdint>
#include <tuple>

namespace qlinear::detail {
namespace {

template <class Enum>
Status check_enumerator(const char* field, Enum value) {
  return validate_enumerator(field, static_cast<int>(value), enumerator_count<Enum>());
}

Status check_function(const char* field, ActivationFunction function, ElementKind activation) {
  Status status = check_enumerator(field, function);
  if (!status.ok()) return status;
  if (has_function(activation, function)) return {};
  return unsupported(
      "{} is {}, which f64 activations do not have; use relu or squared_relu, or f32 activations",
      field, to_string(function));
}

/// Refuses an option of other sources.
Status check_option(const char* field, bool set, bool applies, const char* where, SourceKind kind) {
  if (!set || applies) return {};
  return invalid("source.{} is set, but is an option of {} and the source is {}; clear it", field,
                 where, to_string(kind));
}

Status check_eps(const SourceDescriptor& source, ElementKind activation) {
  if (!is_norm(source.kind)) {
    if (source.eps == 0) return {};
    return invalid("source.eps is {}, but the source is {}, which has none; leave it 0", source.eps,
                   to_string(source.kind));
  }
  const double eps = activation == ElementKind::F64
                         ? source.eps
                         : static_cast<double>(static_cast<float>(source.eps));
  if (std::isfinite(eps) && eps > 0) return {};
  return invalid(
      "source.eps is {}, but a norm needs one that is positive and finite in the compute type; "
      "pass "
      "that of the model, often 1e-5 or 1e-6",
      source.eps);
}

Status check_scale(const ScaleDescriptor& scale) {
  Status status = check_enumerator("scale.kind", scale.kind);
  if (!status.ok()) return status;
  if (!scale.zero_points || has_zero_points({scale.kind}) || scale.kind == ScaleKind::Static ||
      scale.kind == ScaleKind::Given) {
    return {};
  }
  return invalid(
      "scale.zero_points is set, but a {} scale is symmetric; clear it or choose an asymmetric "
      "kind",
      to_string(scale.kind));
}

}  // namespace

Status validate_enumerator(const char* field, int value, int count) {
  if (value >= 0 && value < count) return {};
  return invalid("{} is {}, which is no enumerator; value-initialise the descriptor", field, value);
}

Status validate_source(const SourceDescriptor& source, const ScaleDescriptor& scale,
                       ElementKind activation) {
  const SourceKind kind = source.kind;
  const bool norm = is_norm(kind);
  if (Status s = check_enumerator("source.kind", kind); !s.ok()) return s;
  if (Status s = check_scale(scale); !s.ok()) return s;
  if (scale.kind == ScaleKind::Given && !(source == SourceDescriptor{})) {
    return invalid(
        "scale.kind is given, so that nothing is quantized, but source.kind is {}; leave the "
        "source "
        "value-initialised",
        to_string(kind));
  }
  if (Status s = check_function("source.function", source.function, activation); !s.ok()) return s;
  if (kind == SourceKind::Gated && source.function == ActivationFunction::None) {
    return invalid("source.function is none, but a gated source needs one; set silu or a gelu");
  }
  for (const auto& [field, set, applies, where] :
       {std::tuple{"function", source.function != ActivationFunction::None,
                   kind == SourceKind::Gated, "a gated source"},
        std::tuple{"residual", source.residual, norm, "norms"},
        std::tuple{"residual_in_compute_type", source.residual_in_compute_type,
                   norm && source.residual, "norms with a residual"},
        std::tuple{"norm_weight_in_compute_type", source.norm_weight_in_compute_type, norm,
                   "norms"},
        std::tuple{"unit_offset", source.unit_offset, kind == SourceKind::RmsNorm, "rms_norm"}}) {
    if (Status s = check_option(field, set, applies, where, kind); !s.ok()) return s;
  }
  return check_eps(source, activation);
}

Status validate_epilogue(const EpilogueDescriptor& epilogue, std::int64_t c_out,
                         ElementKind activation) {
  Status status = check_function("epilogue.activation", epilogue.activation, activation);
  if (!status.ok() || !epilogue.gated) return status;
  if (epilogue.activation == ActivationFunction::None) {
    return invalid(
        "epilogue.activation is none, but a gated epilogue needs one; set silu or a gelu");
  }
  if (c_out % 2 != 0) {
    return invalid(
        "c_out is {}, but a gated epilogue has as many gates as ups; pass an even number of rows",
        c_out);
  }
  if (!epilogue.residual && !epilogue.routing_weight) return {};
  return unsupported("a gated epilogue takes no {}; leave that to the layer that reads the output",
                     epilogue.residual ? "residual" : "routing weight");
}

}  // namespace qlinear::detail
