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
  /// The one of `max_k |w| * (1 - i / 100 * 0.2) / 127`, i = 0 to 99, whose sum over the row of
  /// `|w - q * scale| ^ 2.4` is smallest; the first of equal ones.
  MeanError,
};

/// Quantizes a weight [n, k], symmetric with a scale a row, for activations that are quantized
/// dynamically a token: `q = clamp(rint(w / scale), -127, 127)`. A row of zeros has the scale 1.
/// Errors: InvalidProblem (sizes, an element that is not finite; the message says which).
QLINEAR_CHECKPOINT_API Result<QuantizedLinear> quantize_weight(const float* weight, std::int64_t n,
                                                               std::int64_t k,
                                                               WeightScale method) noexcept;

/// 10 log10 of the weight's sum of squares over that of the error of its quantization; infinity
/// without an error.
QLINEAR_CHECKPOINT_API double signal_to_noise(const float* weight,
                                              const QuantizedLinear& layer) noexcept;

/// SmoothQuant's factors for layers that read the same activation: `s[k] = max|X_k|^a /
/// max|W_k|^(1-a)` from the maxima over tokens and over all their rows (Xiao et al., 2022, equation
/// 4). The activation is divided by `s`, in the norm before, and the weights' columns are
/// multiplied by it. A factor is 1 where a maximum is 0. Errors: InvalidProblem (other K, not
/// finite, a outside [0, 1]).
QLINEAR_CHECKPOINT_API Result<std::vector<float>> smoothing_factors(
    const std::vector<float>& activation_max, const std::vector<std::vector<float>>& weight_max,
    double a = 0.5) noexcept;

}  // namespace qlinear::checkpoint
