#pragma once

#include <qlinear/export.hpp>

#include <cstdint>
#include <type_traits>

struct __half;
struct __nv_bfloat16;

namespace qlinear {

/// Element types of tensors and accumulators.
enum class ElementKind : std::uint8_t { F16, BF16, F32, F64, S8, U8, S32 };

using S8 = std::int8_t;
using U8 = std::uint8_t;

/// Returns the lower-case name of `kind` ("f16", "bf16", ...); "unknown" for a value outside the
/// enumeration.
QLINEAR_API const char* to_string(ElementKind kind) noexcept;

namespace detail {
template <class T>
struct ElementKindOf {
  static_assert(!std::is_same_v<T, T>,
                "qlinear: an element type is __half, __nv_bfloat16, float, double, qlinear::S8, "
                "qlinear::U8 or std::int32_t");
};
template <>
struct ElementKindOf<__half> : std::integral_constant<ElementKind, ElementKind::F16> {};
template <>
struct ElementKindOf<__nv_bfloat16> : std::integral_constant<ElementKind, ElementKind::BF16> {};
template <>
struct ElementKindOf<float> : std::integral_constant<ElementKind, ElementKind::F32> {};
template <>
struct ElementKindOf<double> : std::integral_constant<ElementKind, ElementKind::F64> {};
template <>
struct ElementKindOf<S8> : std::integral_constant<ElementKind, ElementKind::S8> {};
template <>
struct ElementKindOf<U8> : std::integral_constant<ElementKind, ElementKind::U8> {};
template <>
struct ElementKindOf<std::int32_t> : std::integral_constant<ElementKind, ElementKind::S32> {};

/// Names the supported types where a template is given another one.
template <class TIn>
struct RequireActivation {
  static_assert(std::is_same_v<TIn, __half> || std::is_same_v<TIn, __nv_bfloat16> ||
                    std::is_same_v<TIn, float> || std::is_same_v<TIn, double>,
                "qlinear: activations are __half, __nv_bfloat16, float or double");
};
template <class TWQ>
struct RequireWeight {
  static_assert(std::is_same_v<TWQ, S8> || std::is_same_v<TWQ, U8>,
                "qlinear: weights are qlinear::S8 or qlinear::U8");
};
template <class TQ>
struct RequireQuantized {
  static_assert(std::is_same_v<TQ, S8>, "qlinear: activations are quantized to qlinear::S8");
};

template <class TIn>
struct ScaleOf : RequireActivation<TIn> {
  using type = std::conditional_t<std::is_same_v<TIn, double>, double, float>;
};
}  // namespace detail

/// The `ElementKind` of a C++ element type.
template <class T>
inline constexpr ElementKind element_kind_v = detail::ElementKindOf<T>::value;

/// Type of every scale that belongs to activations of type `TIn`, and the type in which the
/// library computes for them: `double` for f64, `float` for f16, bf16 and f32.
template <class TIn>
using scale_t = typename detail::ScaleOf<TIn>::type;

}  // namespace qlinear
