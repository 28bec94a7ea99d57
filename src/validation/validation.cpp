#include "validation.hpp"

#include <base/format.hpp>
#include <base/invalid.hpp>
#include "tensor_view.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace qlinear {

std::int64_t max_k(std::int32_t q_min, std::int32_t q_max, ElementKind weight_element) noexcept {
  const bool is_weight = weight_element == ElementKind::S8 || weight_element == ElementKind::U8;
  const bool is_range = q_min >= std::numeric_limits<S8>::min() && q_min <= 0 && q_max > 0 &&
                        q_max <= std::numeric_limits<S8>::max();
  if (!is_weight || !is_range) return 0;
  const std::int64_t largest_q = std::max<std::int64_t>(-std::int64_t{q_min}, q_max);
  const std::int64_t largest_weight = weight_element == ElementKind::U8 ? 255 : 128;
  return std::numeric_limits<std::int32_t>::max() / (largest_q * largest_weight);
}

namespace detail {
namespace {

template <class... Parts>
Status unsupported(fmt::format_string<Parts...> format, Parts&&... parts) {
  return {StatusCode::Unsupported, formatted(format, std::forward<Parts>(parts)...)};
}

Status check_element(const char* name, ElementKind given, ElementKind expected) {
  if (given == expected) return {};
  return invalid("{} is {}, but the template argument is {}; set it to element_kind_v of that type",
                 name, to_string(given), to_string(expected));
}

Status check_not_negative(const char* name, std::int64_t size) {
  if (size >= 0) return {};
  return invalid("{} is {}, but a size cannot be negative; pass 0 or more", name, size);
}

/// Kernels count rows and columns in 32 bits.
Status check_index_range(const char* name, std::int64_t size) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  if (size <= kLargest) return {};
  return unsupported("{} is {}, above the largest supported {}; split the problem along {}", name,
                     size, kLargest, name);
}

Status check_range(std::int32_t q_min, std::int32_t q_max) {
  constexpr const char* kRule = "-128 <= q_min <= 0 < q_max <= 127";
  if (q_max <= 0) {
    return invalid("q_max is {}, but must be positive; choose a range with {}", q_max, kRule);
  }
  if (q_min > 0) {
    return invalid("q_min is {}, but the range must contain zero; choose a range with {}", q_min,
                   kRule);
  }
  if (q_min < std::numeric_limits<S8>::min()) {
    return invalid("q_min is {}, which does not fit int8; choose a range with {}", q_min, kRule);
  }
  if (q_max > std::numeric_limits<S8>::max()) {
    return invalid("q_max is {}, which does not fit int8; choose a range with {}", q_max, kRule);
  }
  return {};
}

Status check_reduction(const QuantizedLinearDescriptor& descriptor) {
  const std::int64_t largest = max_k(descriptor.q_min, descriptor.q_max, descriptor.weight_element);
  if (descriptor.k <= largest) return {};
  return unsupported(
      "k is {}, but an int32 sum is safe only up to K = {} for the range [{}, {}] and {} weights; "
      "split K or choose a narrower range",
      descriptor.k, largest, descriptor.q_min, descriptor.q_max,
      to_string(descriptor.weight_element));
}

/// A view that is null and yet has a length, as a caller makes of a pointer that it failed to
/// check.
Status check_name(const char* field, std::string_view name) {
  if (name.data() != nullptr || name.empty()) return {};
  return invalid(
      "PlanPreference::{} has {} characters at a null pointer; pass a name or leave it "
      "empty",
      field, name.size());
}

Status check_split(int split_k) {
  if (split_k >= 0) return {};
  return invalid(
      "PlanPreference::split_k is {}, but slices of K are counted from 1 on; pass 0 to "
      "leave them to select",
      split_k);
}

Status check_max_sms(int max_sms) {
  if (max_sms >= 0) return {};
  return invalid(
      "PlanPreference::max_sms is {}, but a plan cannot use less than one SM; pass 0 for all of "
      "the "
      "GPU's",
      max_sms);
}

template <class T>
bool has_bias(const TensorRef<T, 1>& bias) noexcept {
  return bias.data != nullptr || bias.shape[0] != 0;
}

}  // namespace

Status validate_problem(const QuantizedLinearDescriptor& descriptor, ElementKind activation,
                        ElementKind weight) noexcept {
  const auto& d = descriptor;
  if (Status s = check_element("activation_element", d.activation_element, activation); !s.ok()) {
    return s;
  }
  if (Status s = check_element("weight_element", d.weight_element, weight); !s.ok()) return s;
  if (Status s = check_not_negative("m", d.m); !s.ok()) return s;
  if (Status s = check_not_negative("c_out", d.c_out); !s.ok()) return s;
  if (Status s = check_not_negative("k", d.k); !s.ok()) return s;
  if (Status s = check_range(d.q_min, d.q_max); !s.ok()) return s;
  if (Status s = check_index_range("m", d.m); !s.ok()) return s;
  if (Status s = check_index_range("c_out", d.c_out); !s.ok()) return s;
  return check_reduction(d);
}

Status validate_problem(const DynamicRangeQuantizeDescriptor& descriptor, ElementKind activation,
                        ElementKind quantized) noexcept {
  const auto& d = descriptor;
  if (Status s = check_element("activation_element", d.activation_element, activation); !s.ok()) {
    return s;
  }
  if (Status s = check_element("quantized_element", d.quantized_element, quantized); !s.ok()) {
    return s;
  }
  if (Status s = check_not_negative("m", d.m); !s.ok()) return s;
  if (Status s = check_not_negative("k", d.k); !s.ok()) return s;
  if (Status s = check_range(d.q_min, d.q_max); !s.ok()) return s;
  if (Status s = check_index_range("m", d.m); !s.ok()) return s;
  return check_index_range("k", d.k);
}

Status validate_preference(const PlanPreference& preference) noexcept {
  if (Status s = check_name("kernel", preference.kernel); !s.ok()) return s;
  if (Status s = check_name("quantize_kernel", preference.quantize_kernel); !s.ok()) return s;
  if (Status s = check_split(preference.split_k); !s.ok()) return s;
  return check_max_sms(preference.max_sms);
}

Status validate_workspace(Workspace workspace) noexcept {
  if (workspace.data != nullptr || workspace.bytes == 0) return {};
  return invalid(
      "the workspace has a null pointer, but {} bytes; pass memory of that size, or an "
      "empty Workspace",
      workspace.bytes);
}

template <class TIn, class TWQ>
Status validate_args(const QuantizedLinearDescriptor& descriptor,
                     const QuantizedLinearArgs<TIn, TWQ>& args, Pass pass,
                     Workspace workspace) noexcept {
  const auto [m, c_out, k] = std::array{descriptor.m, descriptor.c_out, descriptor.k};
  const Access scratch = pass == Pass::Multiply ? Access::Read : Access::Write;
  const std::array views{
      matrix_view("activation", "[M, K]", m, k, Access::Read, args.activation),
      matrix_view("act_q_scratch", "[M, K]", m, k, scratch, args.act_q_scratch),
      vector_view("act_scale_scratch", "[M]", m, scratch, args.act_scale_scratch),
      matrix_view("weight_q", "[C_out, K]", c_out, k, Access::Read, args.weight_q),
      vector_view("weight_scale", "[C_out]", c_out, Access::Read, args.weight_scale),
      matrix_view("output", "[M, C_out]", m, c_out, Access::Write, args.output),
      bytes_view("workspace", workspace.bytes, Access::Write, workspace.data),
      vector_view("bias", "[C_out]", c_out, Access::Read, args.bias),
  };
  // Each pass uses a contiguous part: it starts at the activation or the scratch, and ends behind
  // the scratch, the workspace or the bias.
  const std::size_t first = pass == Pass::Multiply ? 1 : 0;
  const std::size_t last = pass == Pass::Quantize ? 3 : has_bias(args.bias) ? 8 : 7;
  return check_tensors(&views[first], last - first);
}

template <class TIn, class TQ>
Status validate_args(const DynamicRangeQuantizeDescriptor& descriptor,
                     const DynamicRangeQuantizeArgs<TIn, TQ>& args) noexcept {
  const auto [m, k] = std::array{descriptor.m, descriptor.k};
  const std::array views{
      matrix_view("activation", "[M, K]", m, k, Access::Read, args.activation),
      matrix_view("quantized", "[M, K]", m, k, Access::Write, args.quantized),
      vector_view("scale", "[M]", m, Access::Write, args.scale),
  };
  return check_tensors(views.data(), views.size());
}

#define QLINEAR_INSTANTIATE_VALIDATION(TIn)                                                     \
  template Status validate_args(const QuantizedLinearDescriptor&,                               \
                                const QuantizedLinearArgs<TIn, S8>&, Pass, Workspace) noexcept; \
  template Status validate_args(const QuantizedLinearDescriptor&,                               \
                                const QuantizedLinearArgs<TIn, U8>&, Pass, Workspace) noexcept; \
  template Status validate_args(const DynamicRangeQuantizeDescriptor&,                          \
                                const DynamicRangeQuantizeArgs<TIn, S8>&) noexcept
QLINEAR_INSTANTIATE_VALIDATION(__half);
QLINEAR_INSTANTIATE_VALIDATION(__nv_bfloat16);
QLINEAR_INSTANTIATE_VALIDATION(float);
QLINEAR_INSTANTIATE_VALIDATION(double);
#undef QLINEAR_INSTANTIATE_VALIDATION

}  // namespace detail
}  // namespace qlinear
