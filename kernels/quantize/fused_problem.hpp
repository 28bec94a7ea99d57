#pragma once

#include <common/problems.hpp>
#include <qlinear/fusion.hpp>

namespace qlinear::kernels {

/// What is quantized of the activation, `h[M,K]`. A null pointer means that there is no such
/// tensor.
struct SourceParameters {
  SourceKind kind = SourceKind::Plain;
  ActivationFunction function = ActivationFunction::None;
  bool unit_offset = false;
  bool norm_weight_in_compute_type = false;  ///< The bias, too.
  bool residual_in_compute_type = false;     ///< `residual_out`, too.
  double eps = 0;
  const void* column_factor = nullptr;
  const void* norm_weight = nullptr;
  const void* norm_bias = nullptr;
  const void* residual = nullptr;
  std::int64_t ld_residual = 0;
  void* residual_out = nullptr;
  std::int64_t ld_residual_out = 0;
  void* normed_out = nullptr;
  std::int64_t ld_normed_out = 0;
};

/// How it is quantized, and what is stored beside q and the scale.
struct ScaleParameters {
  ScaleKind kind = ScaleKind::Dynamic;
  const void* range_max = nullptr;
  const void* range_min = nullptr;
  const void* scale = nullptr;
  std::int64_t scale_step = 0;  ///< 1 for a scale a row, 0 for one for all.
  const std::int8_t* zero_point = nullptr;
  std::int64_t zero_point_step = 0;
  std::int8_t* zero_point_out = nullptr;
  std::int32_t* sum_out = nullptr;
};

/// A quantize pass with a source, a scale or outputs that the plain pass does not have.
struct FusedQuantizeProblem {
  QuantizeProblem rows;
  SourceParameters source;
  ScaleParameters scale;
};

using FusedQuantizeLauncher = cudaError_t (*)(const FusedQuantizeProblem&, cudaStream_t);

}  // namespace qlinear::kernels
