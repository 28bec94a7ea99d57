#pragma once

#include <qlinear/export.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>
#include <qlinear/tensor.hpp>
#include <qlinear/types.hpp>

#include <cstdint>

/// The CPU reference: the specification of every bit, over host pointers. It validates like the
/// plans, runs on the calling thread, whose floating-point environment neither matters nor changes,
/// never throws, and needs neither a GPU nor the CUDA runtime.
namespace qlinear::reference {

/// Writes `output`, and unless the activation is given already quantized, `act_q_scratch`,
/// `act_scale_scratch` and what else of `args` a quantize pass of the descriptor writes.
template <class TIn, class TWQ>
Status quantized_linear(const QuantizedLinearDescriptor& descriptor,
                        const QuantizedLinearArgs<TIn, TWQ>& args) noexcept;

/// Writes `quantized`, `scale` and what else the descriptor asks for.
template <class TIn, class TQ>
Status dynamic_range_quantize(const DynamicRangeQuantizeDescriptor& descriptor,
                              const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept;

/// Writes the sum of each row of a weight [N, K] to `sums` [N], modulo 2^32: `weight_sum` of a
/// layer whose activation has zero points. Once for a weight. TWQ is S8 or U8. Errors:
/// InvalidProblem (shapes, strides, pointers, overlap).
template <class TWQ>
Status weight_sums(const TensorRef<TWQ, 2>& weight,
                   const TensorMut<std::int32_t, 1>& sums) noexcept;

/// Writes the sum of each row of a quantized activation [M, K] to `sums` [M], modulo 2^32: `sum` of
/// an activation that is given to a layer whose weight has zero points. Errors: as `weight_sums`.
QLINEAR_API Status activation_sums(const TensorRef<S8, 2>& quantized,
                                   const TensorMut<std::int32_t, 1>& sums) noexcept;

/// Writes what the quantized activation [M, K] stands for, rounded to C and then to TIn:
/// `output[m,k] = (q[m,k] - zero_point[m]) * scale[m]`. `scale` and `zero_point` are [M] or [1]; a
/// value-initialised `zero_point` means zeros. Errors: as `weight_sums`.
template <class TIn>
Status fake_quantize(const TensorRef<S8, 2>& quantized, const TensorRef<scale_t<TIn>, 1>& scale,
                     const TensorRef<S8, 1>& zero_point, const TensorMut<TIn, 2>& output) noexcept;

extern template QLINEAR_API Status weight_sums(const TensorRef<S8, 2>&,
                                               const TensorMut<std::int32_t, 1>&) noexcept;
extern template QLINEAR_API Status weight_sums(const TensorRef<U8, 2>&,
                                               const TensorMut<std::int32_t, 1>&) noexcept;

#define QLINEAR_DECLARE_REFERENCE(TIn)                                                           \
  extern template QLINEAR_API Status quantized_linear(                                           \
      const QuantizedLinearDescriptor&, const QuantizedLinearArgs<TIn, S8>&) noexcept;           \
  extern template QLINEAR_API Status quantized_linear(                                           \
      const QuantizedLinearDescriptor&, const QuantizedLinearArgs<TIn, U8>&) noexcept;           \
  extern template QLINEAR_API Status dynamic_range_quantize(                                     \
      const DynamicRangeQuantizeDescriptor&, const DynamicRangeQuantizeArgs<TIn, S8>&) noexcept; \
  extern template QLINEAR_API Status fake_quantize(                                              \
      const TensorRef<S8, 2>&, const TensorRef<scale_t<TIn>, 1>&, const TensorRef<S8, 1>&,       \
      const TensorMut<TIn, 2>&) noexcept
QLINEAR_DECLARE_REFERENCE(__half);
QLINEAR_DECLARE_REFERENCE(__nv_bfloat16);
QLINEAR_DECLARE_REFERENCE(float);
QLINEAR_DECLARE_REFERENCE(double);
#undef QLINEAR_DECLARE_REFERENCE

}  // namespace qlinear::reference
