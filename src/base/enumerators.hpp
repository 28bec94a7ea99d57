#pragma once

#include <qlinear/fusion.hpp>
#include <qlinear/types.hpp>

#include <cstdint>

// The enumerators of qlinear/fusion.hpp in one list each, which names, checks, the C interface and
// the tests read. An enumerator without its case does not compile here.

namespace qlinear::detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

/// What host code knows of an activation function.
struct ActivationFunctionRow {
  const char* name;  ///< Null outside the enumeration.
  bool in_f64;       ///< Activations of f64 have it, too. Functions that need exp they have not.
};

constexpr ActivationFunctionRow row_of(ActivationFunction function) noexcept {
  switch (function) {
    case ActivationFunction::None:
      return {"none", true};
    case ActivationFunction::Relu:
      return {"relu", true};
    case ActivationFunction::SquaredRelu:
      return {"squared_relu", true};
    case ActivationFunction::Silu:
      return {"silu", false};
    case ActivationFunction::QuickGelu:
      return {"quick_gelu", false};
    case ActivationFunction::GeluTanh:
      return {"gelu_tanh", false};
    case ActivationFunction::GeluErf:
      return {"gelu_erf", false};
  }
  return {nullptr, false};
}

/// Returns null outside the enumeration, as the others do.
constexpr const char* name_of(ActivationFunction function) noexcept {
  return row_of(function).name;
}

constexpr const char* name_of(SourceKind kind) noexcept {
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
  return nullptr;
}

constexpr const char* name_of(ScaleKind kind) noexcept {
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
  return nullptr;
}

#pragma GCC diagnostic pop

/// Counts the enumerators of `Enum`, which are 0, 1 and so on.
template <class Enum>
constexpr std::uint8_t enumerator_count() noexcept {
  std::uint8_t count = 0;
  while (name_of(static_cast<Enum>(count)) != nullptr) ++count;
  return count;
}

template <class Enum>
constexpr Enum last_enumerator() noexcept {
  return static_cast<Enum>(enumerator_count<Enum>() - 1);
}

/// Returns whether activations of `element` have `function`. False outside the enumeration.
constexpr bool has_function(ElementKind element, ActivationFunction function) noexcept {
  const ActivationFunctionRow row = row_of(function);
  return row.name != nullptr && (row.in_f64 || element != ElementKind::F64);
}

}  // namespace qlinear::detail
