#include "validation.hpp"

#include <base/invalid.hpp>
#include <validation/fusion_rules.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

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

std::int64_t max_k(const QuantizedLinearDescriptor& descriptor,
                   ElementKind weight_element) noexcept {
  const auto& d = descriptor;
  const ElementKind weight =
      d.weight_element == kElementOfTemplate ? weight_element : d.weight_element;
  if (max_k(d.q_min, d.q_max, weight) == 0) return 0;
  const bool given = d.scale.kind == ScaleKind::Given;
  const std::int64_t q_min = given ? std::numeric_limits<S8>::min() : d.q_min;
  const std::int64_t q_max = given ? std::numeric_limits<S8>::max() : d.q_max;
  const std::int64_t largest_q = has_zero_points(d.scale) ? q_max - q_min : std::max(-q_min, q_max);
  const std::int64_t largest_weight = weight == ElementKind::U8 || d.weight_zero_points ? 255 : 128;
  return std::numeric_limits<std::int32_t>::max() / (largest_q * largest_weight);
}

namespace detail {
namespace {

Status check_element(const char* name, ElementKind given, ElementKind expected) {
  if (given == expected || given == kElementOfTemplate) return {};
  return invalid("{} is {}, but the template argument is {}; set it to element_kind_v of that type",
                 name, to_string(given), to_string(expected));
}

Status element_failure(const char* name, ElementKind element, const char* expected) {
  return invalid("{} is {}, expected {}; set it to one that the library takes", name,
                 to_string(element), expected);
}

Status check_not_negative(const char* name, std::int64_t size) {
  if (size >= 0) return {};
  return invalid("{} is {}, but a size cannot be negative; pass 0 or more", name, size);
}

/// Checks that a size fits the kernels' 32-bit row and column numbers.
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

Status check_reduction(const QuantizedLinearDescriptor& descriptor, ElementKind weight) {
  const std::int64_t largest = max_k(descriptor, weight);
  if (descriptor.k <= largest) return {};
  return unsupported(
      "k is {}, but an int32 sum is safe only up to K = {} for the range [{}, {}] and {} weights; "
      "split K or choose a narrower range",
      descriptor.k, largest, descriptor.q_min, descriptor.q_max, to_string(weight));
}

/// Refuses a null view with a length, which a caller makes of a pointer that it failed to check.
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
      "PlanPreference::max_sms is {}, but a plan cannot use less than one SM; pass 0 for all",
      max_sms);
}

}  // namespace

Status validate_activation_element(const char* name, ElementKind element) noexcept {
  switch (element) {
    case ElementKind::F16:
    case ElementKind::BF16:
    case ElementKind::F32:
    case ElementKind::F64:
      return {};
    default:
      return element_failure(name, element, "f16, bf16, f32 or f64");
  }
}

Status validate_weight_element(const char* name, ElementKind element) noexcept {
  if (element == ElementKind::S8 || element == ElementKind::U8) return {};
  return element_failure(name, element, "s8 or u8");
}

Status validate_quantized_element(const char* name, ElementKind element) noexcept {
  if (element == ElementKind::S8) return {};
  return element_failure(name, element, "s8");
}

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
  if (Status s = validate_source(d.source, d.scale, activation); !s.ok()) return s;
  if (Status s = validate_epilogue(d.epilogue, d.c_out, activation); !s.ok()) return s;
  return check_reduction(d, weight);
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
  if (Status s = validate_source(d.source, d.scale, activation); !s.ok()) return s;
  if (d.scale.kind == ScaleKind::Given) {
    return invalid(
        "scale.kind is given, but there is nothing to quantize then; call multiply alone");
  }
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

}  // namespace detail
}  // namespace qlinear
