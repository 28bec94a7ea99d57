#pragma once

#include "fill.hpp"
#include "guarded_matrix.hpp"
#include "types.hpp"

#include <qlinear/plan.hpp>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace qlinear::test {

/// What `run` is given beside the tensors.
enum class WorkspaceUse {
  Given,      ///< As much as the plan asks for.
  Withheld,   ///< None, whatever the plan asks for.
  Forbidden,  ///< None, and the plan may not ask for any.
};

/// What a layer computes beside its product, and which of its tensors are there.
struct LayerOptions {
  SourceDescriptor source{};
  ScaleDescriptor scale{};
  bool weight_zero_points = false;
  EpilogueDescriptor epilogue{};
  bool norm_weight = false;
  bool norm_bias = false;
  bool normed_out = false;
  bool residual_in_place = false;  ///< `residual_out` of the source is `residual`.
  bool one_scale = false;          ///< Scales and zero points that come from outside are one.
  bool output_in_place = false;    ///< The residual of the epilogue is the output.
};

bool operator==(const LayerOptions& a, const LayerOptions& b);

/// One problem, where its tensors lie, what they hold and which kernels are forced.
struct LinearCase {
  std::int64_t m = 1;
  std::int64_t n = 1;
  std::int64_t k = 1;
  std::int32_t q_min = -127;
  std::int32_t q_max = 127;
  Placement activation{};  ///< Of residuals, too.
  Placement weight{};
  Placement output{};
  Placement scratch{};             ///< Of the quantized activation.
  std::int64_t vector_offset = 0;  ///< Of scales and bias, in elements.
  bool tight = false;              ///< Every allocation ends with its last element.
  bool bias = false;
  LayerOptions options{};
  Fill fill = Fill::Gaussian;
  std::uint64_t seed = 1;
  std::string_view kernel{};           ///< Empty: chosen by the library.
  std::string_view quantize_kernel{};  ///< Empty: chosen by the library.
  int split_k = 0;                     ///< 0: chosen by the library.
  WorkspaceUse workspace = WorkspaceUse::Given;
  int max_sms = 0;  ///< 0: all.
};

/// The case as a C++ expression: paste it into a test to see the failure again.
std::string to_string(const LinearCase& c);
std::ostream& operator<<(std::ostream& stream, const LinearCase& c);

PlanPreference preference_of(const LinearCase& c);

/// Draws a source and a scale that activations of `element` may have; `Given` only if
/// `may_be_given`.
void draw_source_and_scale(Random& random, ElementKind element, bool may_be_given,
                           LayerOptions& options);
/// Draws an epilogue, and zero points of the weight.
void draw_epilogue(Random& random, ElementKind element, LayerOptions& options);
/// Draws options for `c`, whose sizes it makes such that the layer is legal.
void draw_options(Random& random, TypePair types, LinearCase& c);

template <class TIn, class TWQ>
QuantizedLinearDescriptor linear_descriptor(const LinearCase& c) {
  return {c.m,
          c.n,
          c.k,
          c.q_min,
          c.q_max,
          element_kind_v<TIn>,
          element_kind_v<TWQ>,
          c.options.source,
          c.options.scale,
          c.options.weight_zero_points,
          c.options.epilogue};
}

template <class TIn>
DynamicRangeQuantizeDescriptor quantize_descriptor(const LinearCase& c) {
  return {c.m,
          c.k,
          c.q_min,
          c.q_max,
          element_kind_v<TIn>,
          ElementKind::S8,
          c.options.source,
          c.options.scale,
          c.options.weight_zero_points};
}

}  // namespace qlinear::test
