#pragma once

#include <qlinear/export.hpp>
#include <qlinear/tensor.hpp>
#include <qlinear/types.hpp>

#include <cstddef>
#include <cstdint>

namespace qlinear {

/// The element kind of a descriptor that leaves it to the template arguments of the plan, or of the
/// reference. It is none of the enumerators and names no type.
inline constexpr ElementKind kElementOfTemplate = static_cast<ElementKind>(0xFF);

/// The problem `output[M,C_out] = activation[M,K] · weight[C_out,K]ᵀ`.
struct QuantizedLinearDescriptor {
  std::int64_t m = 0;      ///< Counts the rows of the activation (tokens).
  std::int64_t c_out = 0;  ///< Counts the rows of the weight: N of the GEMM.
  std::int64_t k = 0;      ///< The length of the reduction, at most `max_k(...)`.
  /// The smallest value of the quantized activation. The range must contain zero and fit int8:
  /// `-128 <= q_min <= 0 < q_max <= 127`.
  std::int32_t q_min = -127;
  /// The largest value of the quantized activation.
  std::int32_t q_max = 127;
  /// As the template arguments say, unless set. One that is set must agree with them.
  ElementKind activation_element =
      kElementOfTemplate;                           ///< F16, BF16, F32 or F64; the output's too.
  ElementKind weight_element = kElementOfTemplate;  ///< S8 or U8.
};

/// Returns the largest K whose sum of products cannot leave int32, whatever the data:
/// `floor((2^31 - 1) / (max(|q_min|, q_max) * wmax))`, where `wmax` is 128 for S8 weights and 255
/// for U8. Returns 0 for a range or a weight element that is not valid.
QLINEAR_API std::int64_t max_k(std::int32_t q_min, std::int32_t q_max,
                               ElementKind weight_element) noexcept;

/// Tensors of one quantized linear layer, in device memory of the stream's device (in host memory
/// for `qlinear::reference`). Every tensor that is written must overlap no other tensor. Pointers
/// need the alignment of their element only; 16-byte aligned pointers and row strides run fastest.
/// The stride of a dimension of size 1 means nothing and may be anything, and so may every stride
/// of a tensor without elements, whose pointer may be null.
template <class TIn, class TWQ>
struct QuantizedLinearArgs {
  static_assert(sizeof(detail::RequireActivation<TIn>) + sizeof(detail::RequireWeight<TWQ>) > 0);

  TensorRef<TIn, 2> activation;                  ///< [M, K], row stride >= K
  TensorRef<TWQ, 2> weight_q;                    ///< [C_out, K], row stride >= K
  TensorRef<scale_t<TIn>, 1> weight_scale;       ///< [C_out]
  TensorMut<TIn, 2> output;                      ///< [M, C_out], row stride >= C_out
  TensorMut<S8, 2> act_q_scratch;                ///< [M, K]: receives the quantized activation
  TensorMut<scale_t<TIn>, 1> act_scale_scratch;  ///< [M]: receives the activation's scales
  TensorRef<TIn, 1> bias{};                      ///< [C_out]; value-initialised means no bias
};

/// The quantize pass alone: `quantized[M,K]`, `scale[M]` from `activation[M,K]`.
struct DynamicRangeQuantizeDescriptor {
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int32_t q_min = -127;  ///< The rules of `QuantizedLinearDescriptor` apply to the range.
  std::int32_t q_max = 127;
  ElementKind activation_element = kElementOfTemplate;  ///< As in `QuantizedLinearDescriptor`.
  ElementKind quantized_element = kElementOfTemplate;
};

template <class TIn, class TQ>
struct DynamicRangeQuantizeArgs {
  static_assert(sizeof(detail::RequireActivation<TIn>) + sizeof(detail::RequireQuantized<TQ>) > 0);

  TensorRef<TIn, 2> activation;      ///< [M, K], row stride >= K
  TensorMut<TQ, 2> quantized;        ///< [M, K], row stride >= K
  TensorMut<scale_t<TIn>, 1> scale;  ///< [M]
};

/// Caller-owned device memory that a plan may use while its kernels run, 256-byte aligned (as
/// `cudaMalloc` returns it). Plans in flight at the same time need one each. Plans write only its
/// first `workspace_size()` bytes: they must overlap no tensor that the call uses, and what follows
/// them may hold anything.
struct Workspace {
  void* data = nullptr;
  std::size_t bytes = 0;
};

}  // namespace qlinear
