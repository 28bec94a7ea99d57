#pragma once

#include <qlinear/export.hpp>
#include <qlinear/tensor.hpp>
#include <qlinear/tensor_view.hpp>
#include <qlinear/types.hpp>

#include <cstdint>

// What a layer computes beside its product: source -> scale -> integer product -> epilogue. All of
// it is data: the defaults are a plain dynamically quantized layer. `C` is `scale_t<TIn>`, `T` is
// `TIn`, and every step takes and gives `T`, so that a fused chain has the bits of the same steps
// through memory (norms apart). The README's contract defines each step.

namespace qlinear {

/// A function of one element, for gates and epilogues. Activations of f64 know `None`, `Relu` and
/// `SquaredRelu`.
enum class ActivationFunction : std::uint8_t {
  None,
  Relu,
  SquaredRelu,
  Silu,       ///< `y / (1 + exp(-y))`.
  QuickGelu,  ///< `y / (1 + exp(-1.702 y))`.
  GeluTanh,   ///< The form with tanh.
  GeluErf,    ///< The form with erf.
};

/// Returns the lower-case name of `function` ("silu", ...); "unknown" outside the enumeration.
QLINEAR_API const char* to_string(ActivationFunction function) noexcept;

/// What the quantize pass quantizes: `h[M,K]`, computed of the activation.
enum class SourceKind : std::uint8_t {
  Plain,         ///< The activation.
  ColumnFactor,  ///< The activation times `column_factor[K]`, as SmoothQuant has it.
  RmsNorm,       ///< The activation, its residual added, over its root mean square.
  LayerNorm,     ///< The activation, its residual added, less its mean over its deviation.
  Gated,         ///< `function(gate) * up`: a row of the activation holds K gates, then K ups.
};

/// Returns the lower-case name of `kind` ("rms_norm", ...); "unknown" outside the enumeration.
QLINEAR_API const char* to_string(SourceKind kind) noexcept;

struct SourceDescriptor {
  SourceKind kind = SourceKind::Plain;
  /// Of `Gated`, where it must not be `None`; `None` for every other kind.
  ActivationFunction function = ActivationFunction::None;
  /// Of norms: `r = activation + residual` is what is normalised, and stored to `residual_out`.
  bool residual = false;
  /// Of norms: the residual and `residual_out` have elements of type C, and `r` is not rounded.
  bool residual_in_compute_type = false;
  /// Of norms: `norm_weight` and `norm_bias` have elements of type C.
  bool norm_weight_in_compute_type = false;
  /// Of `RmsNorm`: the weight is `1 + norm_weight`, as Gemma has it.
  bool unit_offset = false;
  /// Of norms, where it must be positive and finite in C: added to the mean square. 0 otherwise.
  double eps = 0;
};

/// How `h` is quantized.
enum class ScaleKind : std::uint8_t {
  Dynamic,            ///< Symmetric, by the largest magnitude of the row.
  DynamicAsymmetric,  ///< By the smallest and the largest element of the row, with a zero point.
  GivenRange,  ///< As `Dynamic`, by `range_max[M]`: the largest magnitude over several ranks.
  GivenRangeAsymmetric,  ///< As `DynamicAsymmetric`, by `range_min[M]` and `range_max[M]`.
  Static,                ///< By `scale`, and `zero_point` where the descriptor asks for it.
  Given,  ///< Not at all: `GivenActivation` is quantized already. There is no quantize pass.
};

/// Returns the lower-case name of `kind` ("dynamic", ...); "unknown" outside the enumeration.
QLINEAR_API const char* to_string(ScaleKind kind) noexcept;

struct ScaleDescriptor {
  ScaleKind kind = ScaleKind::Dynamic;
  /// Of `Static` and `Given`: activations have zero points. Asymmetric kinds have them always.
  bool zero_points = false;
};

/// What is done with `T(y)`, in this order.
struct EpilogueDescriptor {
  ActivationFunction activation = ActivationFunction::None;
  /// `function(gate) * up`: the weight holds C_out / 2 rows of gates, then as many of ups, the
  /// function is `activation`, and the output is [M, C_out / 2]. Not with a routing weight or a
  /// residual.
  bool gated = false;
  bool routing_weight = false;  ///< Rows are multiplied by `routing_weight[M]`.
  bool residual = false;        ///< `residual`, of the shape of the output, is added.
};

constexpr bool operator==(const SourceDescriptor& a, const SourceDescriptor& b) noexcept {
  return a.kind == b.kind && a.function == b.function && a.residual == b.residual &&
         a.residual_in_compute_type == b.residual_in_compute_type &&
         a.norm_weight_in_compute_type == b.norm_weight_in_compute_type &&
         a.unit_offset == b.unit_offset && a.eps == b.eps;
}
constexpr bool operator==(const ScaleDescriptor& a, const ScaleDescriptor& b) noexcept {
  return a.kind == b.kind && a.zero_points == b.zero_points;
}
constexpr bool operator==(const EpilogueDescriptor& a, const EpilogueDescriptor& b) noexcept {
  return a.activation == b.activation && a.gated == b.gated &&
         a.routing_weight == b.routing_weight && a.residual == b.residual;
}

/// Whether activations that are quantized so have zero points.
constexpr bool has_zero_points(const ScaleDescriptor& scale) noexcept {
  return scale.kind == ScaleKind::DynamicAsymmetric ||
         scale.kind == ScaleKind::GivenRangeAsymmetric || scale.zero_points;
}

/// Tensors of a source; those that the descriptor's source does not read stay value-initialised.
/// Element types that the descriptor chooses come as views: `tensor_view(vector(pointer, K))`.
template <class TIn>
struct SourceTensors {
  TensorRef<scale_t<TIn>, 1> column_factor{};  ///< [K], of `ColumnFactor`.
  TensorView norm_weight{};                    ///< [K], T or C; value-initialised means 1.
  TensorView norm_bias{};  ///< [K], T or C, of `LayerNorm`; value-initialised means -0.
  TensorView residual{};   ///< [M, K], T or C, if the descriptor asks for it.
  /// [M, K], T or C: receives the new residual, if the descriptor asks for a residual. It may be
  /// `residual`, with its strides.
  TensorView residual_out{};
  TensorMut<TIn, 2> normed_out{};  ///< [M, K], of norms: receives the norm; optional.
};

/// Tensors of a scale; those that the descriptor's kind does not read stay value-initialised.
template <class TIn>
struct ScaleTensors {
  TensorRef<scale_t<TIn>, 1> range_max{};  ///< [M], of `GivenRange...`.
  TensorRef<scale_t<TIn>, 1> range_min{};  ///< [M], of `GivenRangeAsymmetric`.
  TensorRef<scale_t<TIn>, 1> scale{};      ///< [1] or [M], of `Static`.
  TensorRef<S8, 1> zero_point{};           ///< [1] or [M], of `Static` with zero points.
};

/// An activation that was quantized before, for `ScaleKind::Given`.
template <class TIn>
struct GivenActivation {
  TensorRef<S8, 2> q{};                ///< [M, K], row stride >= K
  TensorRef<scale_t<TIn>, 1> scale{};  ///< [M] or [1]
  TensorRef<S8, 1> zero_point{};       ///< [M] or [1], if the descriptor asks for it.
  TensorRef<std::int32_t, 1>
      sum{};  ///< [M], the sums of the rows of q, if weights have zero points.
};

/// Tensors of zero points; those that the descriptor does not ask for stay value-initialised.
template <class TWQ>
struct ZeroPointTensors {
  TensorMut<S8, 1> act_zero_point_scratch{};     ///< [M]: receives the activation's zero points.
  TensorMut<std::int32_t, 1> act_sum_scratch{};  ///< [M]: receives the sums of the rows of q.
  TensorRef<std::int32_t, 1> weight_sum{};       ///< [C_out], with zero points of the activation.
  TensorRef<TWQ, 1> weight_zero_point{};         ///< [C_out], with zero points of the weight.
};

/// Tensors of an epilogue; those that the descriptor does not ask for stay value-initialised.
template <class TIn>
struct EpilogueTensors {
  TensorRef<scale_t<TIn>, 1> routing_weight{};  ///< [M]
  /// Of the output's shape. It may be `output`, with its strides.
  TensorRef<TIn, 2> residual{};
};

}  // namespace qlinear
