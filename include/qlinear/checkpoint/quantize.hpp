#pragma once

#include <qlinear/checkpoint/export.hpp>
#include <qlinear/checkpoint/layer.hpp>
#include <qlinear/status.hpp>

#include <cstdint>
#include <vector>

namespace qlinear::checkpoint {

/// How the scale of a row of a weight is chosen.
enum class WeightScale : std::uint8_t {
  AbsMax,  ///< `max_k |w| / 127`.
  /// The one of `max_k |w| * (1 - i / 500) / 127`, i = 0 to 99, whose sum over the row of
  /// `|w - q * scale| ^ 2.4` is smallest; the first of equal ones. It clips the largest elements
  /// where all others gain by it, and takes about 100 times as long.
  MeanError,
};

/// Quantizes a weight [n, k], symmetric with a scale a row, for activations that are quantized
/// dynamically a token: `q = rint(clamp(w / scale, -127, 127))`. Scales are computed in double and
/// rounded to float, quotients in float. A row of zeros, or of elements so small that the scale
/// would be 0, has the scale 1. Rows do not depend on each other, so a large weight may be
/// quantized in parts. Errors: InvalidProblem (sizes, a null pointer, an element that is not
/// finite; the message says which).
QLINEAR_CHECKPOINT_API Result<QuantizedLinear> quantize_weight(const float* weight, std::int64_t n,
                                                               std::int64_t k,
                                                               WeightScale method) noexcept;

/// What a quantization lost, as sums that add up over the parts of a weight.
struct QuantizationError {
  double signal = 0;  ///< Sum of squares of the weight.
  double noise = 0;   ///< Sum of squares of `w - q * scale`.
};

/// The error of `layer`, which `weight` [N, K] was quantized to.
QLINEAR_CHECKPOINT_API QuantizationError quantization_error(const float* weight,
                                                            const QuantizedLinear& layer) noexcept;

/// `10 log10(signal / noise)`, in decibels; infinity without noise.
QLINEAR_CHECKPOINT_API double signal_to_noise(const QuantizationError& error) noexcept;

/// The largest magnitude of each column of a weight [n, k]; a NaN wins. Errors: InvalidProblem
/// (sizes, a null pointer).
QLINEAR_CHECKPOINT_API Result<std::vector<float>> column_maxima(const float* weight, std::int64_t n,
                                                                std::int64_t k) noexcept;

/// SmoothQuant's factors for layers that read the same activation: `s[k] = max|X_k|^a /
/// max|W_k|^(1-a)` from the maxima over tokens and over all their rows (Xiao et al., 2022, equation
/// 4), computed in double. The activation is divided by `s`, in the norm before, and the weights'
/// columns are multiplied by it. A factor is 1 where a maximum is 0, or where it would not be
/// finite and positive. Errors: InvalidProblem (no layers, other K, a maximum that is negative or
/// not finite, a outside [0, 1]).
QLINEAR_CHECKPOINT_API Result<std::vector<float>> smoothing_factors(
    const std::vector<float>& activation_max, const std::vector<std::vector<float>>& weight_max,
    double a = 0.5) noexcept;

}  // namespace qlinear::checkpoint
