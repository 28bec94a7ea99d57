#include <qlinear/reference.hpp>

#include <base/floating_point_environment.hpp>
#include <validation/plain_layer.hpp>
#include <validation/validation.hpp>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <common/strict_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

// This is the numerical contract, step by step. C is `scale_t<TIn>`, and each operation on it
// rounds once, to nearest even. No expression here both multiplies and adds, so a compiler finds
// nothing to contract: the only fused operation is the `std::fma` of the bias. The caller's
// floating-point environment takes no part.

namespace qlinear::reference {
namespace {

float widen(__half x) { return __half2float(x); }
float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
float widen(float x) { return x; }
double widen(double x) { return x; }

void store(float y, __half& output) { output = __float2half_rn(y); }
void store(float y, __nv_bfloat16& output) { output = __float2bfloat16_rn(y); }
void store(float y, float& output) { output = y; }
void store(double y, double& output) { output = y; }

/// Returns the first element of row `index`. A matrix without columns may have a null pointer.
template <class Tensor>
auto row(const Tensor& matrix, std::int64_t index) {
  return matrix.shape[1] == 0 ? nullptr : matrix.data + index * matrix.stride[0];
}

/// Returns `max |x[i]|`: NaN if any element is NaN, 0 if there is none.
template <class TIn>
scale_t<TIn> absolute_maximum(const TIn* x, std::int64_t k) {
  scale_t<TIn> amax = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    const scale_t<TIn> magnitude = std::abs(widen(x[i]));
    if (std::isnan(magnitude)) return magnitude;
    amax = std::max(amax, magnitude);
  }
  return amax;
}

/// A row is multiplied by two to this power where `q_max / amax` would overflow.
template <class C>
constexpr int kTinyRowExponent = std::is_same_v<C, double> ? 512 : 64;

/// Quantizes one row and returns its scale.
template <class TIn>
scale_t<TIn> quantize_row(const TIn* x, std::int64_t k, std::int32_t q_min, std::int32_t q_max,
                          S8* q) {
  using C = scale_t<TIn>;
  const C amax = absolute_maximum(x, k);
  if (!std::isfinite(amax) || amax == 0) {
    std::fill_n(q, k, S8{0});
    return amax == 0 ? C{1} : std::numeric_limits<C>::quiet_NaN();
  }
  const C lowest = static_cast<C>(q_min);
  const C highest = static_cast<C>(q_max);
  const bool tiny = std::isinf(highest / amax);
  const C factor = std::ldexp(C{1}, tiny ? kTinyRowExponent<C> : 0);
  const C inv = highest / (amax * factor);
  for (std::int64_t i = 0; i < k; ++i) {
    const C rounded = std::rint(widen(x[i]) * factor * inv);
    q[i] = static_cast<S8>(std::clamp(rounded, lowest, highest));
  }
  return amax / highest;
}

template <class TIn>
void quantize(const TensorRef<TIn, 2>& activation, std::int32_t q_min, std::int32_t q_max,
              const TensorMut<S8, 2>& quantized, const TensorMut<scale_t<TIn>, 1>& scale) {
  for (std::int64_t m = 0; m < activation.shape[0]; ++m) {
    scale.data[m] =
        quantize_row(row(activation, m), activation.shape[1], q_min, q_max, row(quantized, m));
  }
}

/// Returns `sum_k q[k] * w[k]`. K is at most `max_k`, so no partial sum leaves int32.
template <class TWQ>
std::int32_t dot(const S8* q, const TWQ* w, std::int64_t k) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < k; ++i) sum += std::int32_t{q[i]} * std::int32_t{w[i]};
  return sum;
}

template <class TIn, class TWQ>
void multiply(const QuantizedLinearArgs<TIn, TWQ>& args) {
  using C = scale_t<TIn>;
  const auto [m_count, n_count] = args.output.shape;
  const std::int64_t k = args.weight_q.shape[1];
  for (std::int64_t m = 0; m < m_count; ++m) {
    TIn* const output = row(args.output, m);
    for (std::int64_t n = 0; n < n_count; ++n) {
      const C acc = static_cast<C>(dot(row(args.act_q_scratch, m), row(args.weight_q, n), k));
      const C s = args.act_scale_scratch.data[m] * args.weight_scale.data[n];
      const C y = args.bias.data ? std::fma(s, acc, widen(args.bias.data[n])) : s * acc;
      store(y, output[n]);
    }
  }
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
  if (Status status = detail::require_plain(descriptor); !status.ok()) return status;
  if (Status status = detail::validate_tensors(descriptor, detail::call_tensors(args));
      !status.ok())
    return status;
  detail::with_default_floating_point([&] {
    quantize(args.activation, descriptor.q_min, descriptor.q_max, args.act_q_scratch,
             args.act_scale_scratch);
    multiply(args);
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
  if (Status status = detail::require_plain(descriptor); !status.ok()) return status;
  if (Status status = detail::validate_tensors(descriptor, detail::call_tensors(args));
      !status.ok())
    return status;
  detail::with_default_floating_point([&] {
    quantize(args.activation, descriptor.q_min, descriptor.q_max, args.quantized, args.scale);
  });
  return {};
}

#define QLINEAR_INSTANTIATE_REFERENCE(TIn)                                        \
  template Status quantized_linear(const QuantizedLinearDescriptor&,              \
                                   const QuantizedLinearArgs<TIn, S8>&) noexcept; \
  template Status quantized_linear(const QuantizedLinearDescriptor&,              \
                                   const QuantizedLinearArgs<TIn, U8>&) noexcept; \
  template Status dynamic_range_quantize(const DynamicRangeQuantizeDescriptor&,   \
                                         const DynamicRangeQuantizeArgs<TIn, S8>&) noexcept
QLINEAR_INSTANTIATE_REFERENCE(__half);
QLINEAR_INSTANTIATE_REFERENCE(__nv_bfloat16);
QLINEAR_INSTANTIATE_REFERENCE(float);
QLINEAR_INSTANTIATE_REFERENCE(double);
#undef QLINEAR_INSTANTIATE_REFERENCE

}  // namespace qlinear::reference
