#pragma once

#include <qlinear/checkpoint/export.hpp>
#include <qlinear/fusion.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>
#include <qlinear/types.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace qlinear::checkpoint {

/// How a layer's activation is quantized.
struct ActivationScheme {
  bool is_static = false;      ///< By `scale` and `zero_point`, and not by each token's range.
  bool symmetric = true;       ///< Without zero points.
  float scale = 1;             ///< Of a static scheme.
  std::int8_t zero_point = 0;  ///< Of a static scheme that is not symmetric.
  /// The smallest quantized value: -127 of symmetric dynamic activations, whose scale is the
  /// largest magnitude / 127, and else -128.
  std::int32_t q_min = -127;
  std::int32_t q_max = 127;
};

/// What every convention of W8A8 checkpoints says of one linear layer. All of it is host memory;
/// `weight` may be memory of the mapped file. Copies share the weight.
struct QuantizedLinear {
  std::int64_t n = 0;                 ///< Output channels.
  std::int64_t k = 0;                 ///< Inputs.
  std::shared_ptr<const S8> weight;   ///< [N, K], rows without padding.
  std::vector<float> weight_scale;    ///< [N]
  std::vector<S8> weight_zero_point;  ///< [N]; empty where all are 0.
  ActivationScheme activation;
  std::vector<float> column_factor;  ///< [K], multiplies the activation; empty if none.
  std::vector<float> bias;           ///< [N]; empty if none.
};

/// The descriptor of `layer` for `m` tokens: sizes, range, scale, zero points, and the source
/// `ColumnFactor` where there is one. A caller adds norms, gates and epilogues; a norm takes a
/// column factor into its own weight and bias.
QLINEAR_CHECKPOINT_API QuantizedLinearDescriptor descriptor_of(const QuantizedLinear& layer,
                                                               std::int64_t m) noexcept;

/// One layer of the rows of several with the same input, in this order: q, k and v, or gate and up.
/// A missing bias is zeros where another layer has one. Static scales become their maximum where
/// all are symmetric: activations are then quantized as the serving engines do. Errors:
/// InvalidProblem (none at all, another K), Unsupported (schemes of other kinds, ranges or zero
/// points, static scales that differ with zero points, column factors that differ).
QLINEAR_CHECKPOINT_API Result<QuantizedLinear> concatenate_rows(
    const std::vector<QuantizedLinear>& layers) noexcept;

/// Rows `begin` to `end` of `layer`: a column-parallel rank's share. Errors: InvalidProblem.
QLINEAR_CHECKPOINT_API Result<QuantizedLinear> slice_rows(const QuantizedLinear& layer,
                                                          std::int64_t begin,
                                                          std::int64_t end) noexcept;

/// Columns `begin` to `end` of `layer`: a row-parallel rank's share. Only the rank that begins at
/// column 0 keeps the bias, which the sum over ranks has once. Errors: InvalidProblem.
QLINEAR_CHECKPOINT_API Result<QuantizedLinear> slice_columns(const QuantizedLinear& layer,
                                                             std::int64_t begin,
                                                             std::int64_t end) noexcept;

/// The same layer of several experts, one after another.
struct StackedExperts {
  std::int64_t experts = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  std::vector<S8> weight;                    ///< [experts, N, K]
  std::vector<float> weight_scale;           ///< [experts, N]
  std::vector<S8> weight_zero_point;         ///< [experts, N]; empty where all are 0.
  std::vector<float> bias;                   ///< [experts, N]; empty if none has one.
  std::vector<ActivationScheme> activation;  ///< [experts]
};

/// Errors: InvalidProblem (none at all, other N or K), Unsupported (column factors, schemes of
/// other kinds).
QLINEAR_CHECKPOINT_API Result<StackedExperts> stack_experts(
    const std::vector<QuantizedLinear>& layers) noexcept;

}  // namespace qlinear::checkpoint
