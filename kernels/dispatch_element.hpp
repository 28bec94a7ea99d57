#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <qlinear/types.hpp>

namespace qlinear::kernels {

template <class T>
struct TypeTag {
  using Type = T;
};

/// Calls `launch(TypeTag<TIn>{})` for the activation type that `element` names.
template <class Launch>
cudaError_t dispatch_element(ElementKind element, Launch launch) {
  switch (element) {
    case ElementKind::F16:
      return launch(TypeTag<__half>{});
    case ElementKind::BF16:
      return launch(TypeTag<__nv_bfloat16>{});
    case ElementKind::F32:
      return launch(TypeTag<float>{});
    case ElementKind::F64:
      return launch(TypeTag<double>{});
    default:
      return cudaErrorInvalidValue;
  }
}

/// Calls `launch(TypeTag<TWQ>{})` for the weight type that `element` names.
template <class Launch>
cudaError_t dispatch_weight(ElementKind element, Launch launch) {
  switch (element) {
    case ElementKind::S8:
      return launch(TypeTag<S8>{});
    case ElementKind::U8:
      return launch(TypeTag<U8>{});
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace qlinear::kernels
