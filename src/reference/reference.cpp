#include <qlinear/reference.hpp>

#include "epilogue.hpp"
#include "scale.hpp"
#include "source.hpp"

#include <base/floating_point_environment.hpp>
#include <validation/validation.hpp>

#include <common/strict_floating_point.hpp>

#include <cstdint>

// This folder is the numerical contract, step by step. C is `scale_t<TIn>`, and each operation on
// it rounds once, to nearest even. No expression here both multiplies and adds, so a compiler finds
// nothing to contract: what is fused is a `std::fma`. The caller's floating-point environment takes
// no part.

namespace qlinear::reference {
namespace {

template <class TIn>
void quantize(const DynamicRangeQuantizeDescriptor& descriptor,
              const DynamicRangeQuantizeArgs<TIn, S8>& args) {
  const auto [m_count, k_count] = args.quantized.shape;
  for (std::int64_t m = 0; m < m_count; ++m) {
    steps::with_source_row(descriptor.source, args, m, [&, k_count = k_count](const auto& h) {
      if (args.source.normed_out.data) {
        steps::store_norm(h, k_count, steps::row(args.source.normed_out, m));
      }
      const auto row = steps::quantize_row(descriptor, args.scale_from, h, m, k_count,
                                           steps::row(args.quantized, m));
      args.scale.data[m] = row.scale;
      if (has_zero_points(descriptor.scale)) args.zero_point.data[m] = row.zero_point;
      if (descriptor.sums) args.sum.data[m] = row.sum;
    });
  }
}

/// The quantize pass of a linear layer.
template <class TIn, class TWQ>
DynamicRangeQuantizeArgs<TIn, S8> quantize_args(const QuantizedLinearArgs<TIn, TWQ>& args) {
  return {.activation = args.activation,
          .quantized = args.act_q_scratch,
          .scale = args.act_scale_scratch,
          .source = args.source,
          .scale_from = args.scale,
          .zero_point = args.zero_points.act_zero_point_scratch,
          .sum = args.zero_points.act_sum_scratch};
}

}  // namespace

template <class TIn, class TWQ>
Status quantized_linear(const QuantizedLinearDescriptor& descriptor,
                        const QuantizedLinearArgs<TIn, TWQ>& args) noexcept {
  if (Status status =
          detail::validate_problem(descriptor, element_kind_v<TIn>, element_kind_v<TWQ>);
      !status.ok()) {
    return status;
  }
  const auto problem = detail::with_elements(descriptor, element_kind_v<TIn>, element_kind_v<TWQ>);
  if (Status status = detail::validate_tensors(problem, detail::call_tensors(args)); !status.ok()) {
    return status;
  }
  detail::with_default_floating_point([&] {
    if (descriptor.scale.kind != ScaleKind::Given) {
      quantize(detail::quantize_descriptor(descriptor), quantize_args(args));
    }
    steps::multiply(descriptor, args);
  });
  return {};
}

template <class TIn, class TQ>
Status dynamic_range_quantize(const DynamicRangeQuantizeDescriptor& descriptor,
                              const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept {
  if (Status status = detail::validate_problem(descriptor, element_kind_v<TIn>, element_kind_v<TQ>);
      !status.ok()) {
    return status;
  }
  const auto problem = detail::with_elements(descriptor, element_kind_v<TIn>, element_kind_v<TQ>);
  if (Status status = detail::validate_tensors(problem, detail::call_tensors(args)); !status.ok()) {
    return status;
  }
  detail::with_default_floating_point([&] { quantize(descriptor, args); });
  return {};
}

namespace {

template <class T>
Status sum_rows(const char* name, const TensorRef<T, 2>& matrix,
                const TensorMut<std::int32_t, 1>& sums) {
  Status status =
      detail::validate_row_sums(name, element_kind_v<T>, tensor_view(matrix), tensor_view(sums));
  if (!status.ok()) return status;
  for (std::int64_t i = 0; i < matrix.shape[0]; ++i) {
    sums.data[i] = steps::sum_of(steps::row(matrix, i), matrix.shape[1]);
  }
  return {};
}

}  // namespace

template <class TWQ>
Status weight_sums(const TensorRef<TWQ, 2>& weight,
                   const TensorMut<std::int32_t, 1>& sums) noexcept {
  return sum_rows("weight", weight, sums);
}

Status activation_sums(const TensorRef<S8, 2>& quantized,
                       const TensorMut<std::int32_t, 1>& sums) noexcept {
  return sum_rows("quantized", quantized, sums);
}

template <class TIn>
Status fake_quantize(const TensorRef<S8, 2>& quantized, const TensorRef<scale_t<TIn>, 1>& scale,
                     const TensorRef<S8, 1>& zero_point, const TensorMut<TIn, 2>& output) noexcept {
  Status status = detail::validate_fake_quantize(element_kind_v<TIn>, tensor_view(quantized),
                                                 tensor_view(scale), tensor_view(zero_point),
                                                 tensor_view(output));
  if (!status.ok()) return status;
  const auto [m_count, k_count] = quantized.shape;
  detail::with_default_floating_point([&, m_count = m_count, k_count = k_count] {
    for (std::int64_t m = 0; m < m_count; ++m) {
      const int zero = zero_point.data ? steps::element_or_only(zero_point, m) : 0;
      for (std::int64_t k = 0; k < k_count; ++k) {
        const int q = steps::row(quantized, m)[k] - zero;
        steps::store(static_cast<scale_t<TIn>>(q) * steps::element_or_only(scale, m),
                     steps::row(output, m)[k]);
      }
    }
  });
  return {};
}

template Status weight_sums(const TensorRef<S8, 2>&, const TensorMut<std::int32_t, 1>&) noexcept;
template Status weight_sums(const TensorRef<U8, 2>&, const TensorMut<std::int32_t, 1>&) noexcept;

#define QLINEAR_INSTANTIATE_REFERENCE(TIn)                                                   \
  template Status quantized_linear(const QuantizedLinearDescriptor&,                         \
                                   const QuantizedLinearArgs<TIn, S8>&) noexcept;            \
  template Status quantized_linear(const QuantizedLinearDescriptor&,                         \
                                   const QuantizedLinearArgs<TIn, U8>&) noexcept;            \
  template Status dynamic_range_quantize(const DynamicRangeQuantizeDescriptor&,              \
                                         const DynamicRangeQuantizeArgs<TIn, S8>&) noexcept; \
  template Status fake_quantize(const TensorRef<S8, 2>&, const TensorRef<scale_t<TIn>, 1>&,  \
                                const TensorRef<S8, 1>&, const TensorMut<TIn, 2>&) noexcept
QLINEAR_INSTANTIATE_REFERENCE(__half);
QLINEAR_INSTANTIATE_REFERENCE(__nv_bfloat16);
QLINEAR_INSTANTIATE_REFERENCE(float);
QLINEAR_INSTANTIATE_REFERENCE(double);
#undef QLINEAR_INSTANTIATE_REFERENCE

}  // namespace qlinear::reference
