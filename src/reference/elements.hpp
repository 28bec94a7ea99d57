#pragma once

#include <qlinear/tensor_view.hpp>
#include <qlinear/types.hpp>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

// Elements of type T as values of C and back, and rows of tensors.

namespace qlinear::reference::steps {

inline float widen(__half x) { return __half2float(x); }
inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
inline float widen(float x) { return x; }
inline double widen(double x) { return x; }

inline void store(float y, __half& output) { output = __float2half_rn(y); }
inline void store(float y, __nv_bfloat16& output) { output = __float2bfloat16_rn(y); }
inline void store(float y, float& output) { output = y; }
inline void store(double y, double& output) { output = y; }

/// `C(T(y))`.
template <class T>
scale_t<T> rounded_to(scale_t<T> y) {
  T stored;
  store(y, stored);
  return widen(stored);
}

/// Returns the first element of row `index`. A matrix without columns may have a null pointer.
template <class Tensor>
auto row(const Tensor& matrix, std::int64_t index) {
  return matrix.shape[1] == 0 ? nullptr : matrix.data + index * matrix.stride[0];
}

/// Returns element `index` of a vector, or its only one.
template <class Vector>
auto element_or_only(const Vector& vector, std::int64_t index) {
  return vector.data[vector.shape[0] == 1 ? 0 : index];
}

/// A row of elements of type T or C.
template <class T>
struct MixedRow {
  using C = scale_t<T>;

  /// Row `index` of a matrix, or a vector.
  explicit MixedRow(const TensorView& view, std::int64_t index = 0)
      : is_compute_type(view.element == element_kind_v<C>) {
    if (view.data == nullptr) return;
    const std::int64_t offset = index * view.stride[0];
    data = is_compute_type ? static_cast<void*>(static_cast<C*>(view.data) + offset)
                           : static_cast<T*>(view.data) + offset;
  }

  explicit operator bool() const { return data != nullptr; }
  C operator[](std::int64_t k) const {
    return is_compute_type ? static_cast<const C*>(data)[k] : widen(static_cast<const T*>(data)[k]);
  }
  void set(std::int64_t k, C value) const {
    if (is_compute_type) {
      static_cast<C*>(data)[k] = value;
    } else {
      store(value, static_cast<T*>(data)[k]);
    }
  }

  bool is_compute_type;
  void* data = nullptr;
};

}  // namespace qlinear::reference::steps
