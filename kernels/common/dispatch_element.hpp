#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <common/type_pairs.hpp>
#include <qlinear/types.hpp>

namespace qlinear::kernels {

template <class T>
struct TypeTag {
  using Type = T;
};

namespace detail {

/// Calls `launch(TypeTag<T>{})` where `kCompiled`; otherwise nothing of it is compiled.
template <bool kCompiled, class T, class Launch>
cudaError_t launch_if_compiled(Launch& launch) {
  if constexpr (kCompiled) {
    return launch(TypeTag<T>{});
  } else {
    return cudaErrorInvalidValue;
  }
}

}  // namespace detail

/// Calls `launch(TypeTag<TIn>{})` for the activation type that `element` names, if any pair of
/// `kTypes` has it. `select` keeps others away.
template <TypePairs kTypes, class Launch>
cudaError_t dispatch_element(ElementKind element, Launch launch) {
  const auto launch_for = [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    constexpr bool kCompiled = kTypes.contains_activation(element_kind_v<TIn>);
    return detail::launch_if_compiled<kCompiled, TIn>(launch);
  };
  switch (element) {
    case ElementKind::F16:
      return launch_for(TypeTag<__half>{});
    case ElementKind::BF16:
      return launch_for(TypeTag<__nv_bfloat16>{});
    case ElementKind::F32:
      return launch_for(TypeTag<float>{});
    case ElementKind::F64:
      return launch_for(TypeTag<double>{});
    default:
      return cudaErrorInvalidValue;
  }
}

/// Calls `launch(TypeTag<TWQ>{})` for the weight type that `element` names, if `kTypes` has it with
/// activations of type `TIn`.
template <TypePairs kTypes, class TIn, class Launch>
cudaError_t dispatch_weight(ElementKind element, Launch launch) {
  const auto launch_for = [&](auto tag) {
    using TWQ = typename decltype(tag)::Type;
    constexpr bool kCompiled = kTypes.contains(element_kind_v<TIn>, element_kind_v<TWQ>);
    return detail::launch_if_compiled<kCompiled, TWQ>(launch);
  };
  switch (element) {
    case ElementKind::S8:
      return launch_for(TypeTag<S8>{});
    case ElementKind::U8:
      return launch_for(TypeTag<U8>{});
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace qlinear::kernels
