#include <qlinear/fusion.hpp>

namespace qlinear {

const char* to_string(ActivationFunction function) noexcept {
  switch (function) {
    case ActivationFunction::None:
      return "none";
    case ActivationFunction::Relu:
      return "relu";
    case ActivationFunction::SquaredRelu:
      return "squared_relu";
    case ActivationFunction::Silu:
      return "silu";
    case ActivationFunction::QuickGelu:
      return "quick_gelu";
    case ActivationFunction::GeluTanh:
      return "gelu_tanh";
    case ActivationFunction::GeluErf:
      return "gelu_erf";
  }
  return "unknown";
}

const char* to_string(SourceKind kind) noexcept {
  switch (kind) {
    case SourceKind::Plain:
      return "plain";
    case SourceKind::ColumnFactor:
      return "column_factor";
    case SourceKind::RmsNorm:
      return "rms_norm";
    case SourceKind::LayerNorm:
      return "layer_norm";
    case SourceKind::Gated:
      return "gated";
  }
  return "unknown";
}

const char* to_string(ScaleKind kind) noexcept {
  switch (kind) {
    case ScaleKind::Dynamic:
      return "dynamic";
    case ScaleKind::DynamicAsymmetric:
      return "dynamic_asymmetric";
    case ScaleKind::GivenRange:
      return "given_range";
    case ScaleKind::GivenRangeAsymmetric:
      return "given_range_asymmetric";
    case ScaleKind::Static:
      return "static";
    case ScaleKind::Given:
      return "given";
  }
  return "unknown";
}

}  // namespace qlinear
