#pragma once

#include <qlinear/types.hpp>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <array>
#include <cstddef>
#include <string>

// Element types as values, so that they take part in parametrised grids.

namespace qlinear::test {

template <class T>
struct TypeTag {
  using type = T;
};

struct TypePair {
  ElementKind activation;
  ElementKind weight;
};

inline constexpr std::array kActivationKinds = {ElementKind::F16, ElementKind::BF16,
                                                ElementKind::F32, ElementKind::F64};
inline constexpr std::array kTypePairs = {
    TypePair{ElementKind::F16, ElementKind::S8}, TypePair{ElementKind::BF16, ElementKind::U8},
    TypePair{ElementKind::F32, ElementKind::S8}, TypePair{ElementKind::F64, ElementKind::U8},
    TypePair{ElementKind::F16, ElementKind::U8}, TypePair{ElementKind::BF16, ElementKind::S8},
    TypePair{ElementKind::F32, ElementKind::U8}, TypePair{ElementKind::F64, ElementKind::S8}};

/// "f16_s8"
inline std::string to_string(TypePair pair) {
  return std::string(qlinear::to_string(pair.activation)) + "_" + qlinear::to_string(pair.weight);
}

/// `visit(TypeTag<TIn>)` for the activation type that `kind` names.
template <class Visit>
auto visit_activation(ElementKind kind, const Visit& visit) {
  switch (kind) {
    case ElementKind::F16:
      return visit(TypeTag<__half>{});
    case ElementKind::BF16:
      return visit(TypeTag<__nv_bfloat16>{});
    case ElementKind::F64:
      return visit(TypeTag<double>{});
    default:
      return visit(TypeTag<float>{});
  }
}

/// `visit(TypeTag<TIn>, TypeTag<TWQ>)` for the types that `pair` names.
template <class Visit>
auto visit_pair(TypePair pair, const Visit& visit) {
  return visit_activation(pair.activation, [&](auto activation) {
    return pair.weight == ElementKind::U8 ? visit(activation, TypeTag<U8>{})
                                          : visit(activation, TypeTag<S8>{});
  });
}

}  // namespace qlinear::test
