#pragma once

#include <qlinear/export.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>

/// The CPU reference: the specification of every bit, over host pointers. It validates like the
/// plans, runs on the calling thread, whose floating-point environment neither matters nor changes,
/// never throws, and needs neither a GPU nor the CUDA runtime.
namespace qlinear::reference {

/// Writes `act_q_scratch`, `act_scale_scratch` and `output`.
template <class TIn, class TWQ>
Status quantized_linear(const QuantizedLinearDescriptor& descriptor,
                        const QuantizedLinearArgs<TIn, TWQ>& args) noexcept;

/// Writes `quantized` and `scale`.
template <class TIn, class TQ>
Status dynamic_range_quantize(const DynamicRangeQuantizeDescriptor& descriptor,
                              const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept;

#define QLINEAR_DECLARE_REFERENCE(TIn)                                                 \
  extern template QLINEAR_API Status quantized_linear(                                 \
      const QuantizedLinearDescriptor&, const QuantizedLinearArgs<TIn, S8>&) noexcept; \
  extern template QLINEAR_API Status quantized_linear(                                 \
      const QuantizedLinearDescriptor&, const QuantizedLinearArgs<TIn, U8>&) noexcept; \
  extern template QLINEAR_API Status dynamic_range_quantize(                           \
      const DynamicRangeQuantizeDescriptor&, const DynamicRangeQuantizeArgs<TIn, S8>&) noexcept
QLINEAR_DECLARE_REFERENCE(__half);
QLINEAR_DECLARE_REFERENCE(__nv_bfloat16);
QLINEAR_DECLARE_REFERENCE(float);
QLINEAR_DECLARE_REFERENCE(double);
#undef QLINEAR_DECLARE_REFERENCE

}  // namespace qlinear::reference
