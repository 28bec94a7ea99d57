#pragma once

#include <qlinear/export.hpp>
#include <qlinear/fusion.hpp>
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
  SourceDescriptor source{};                        ///< What is quantized of the activation.
  ScaleDescriptor scale{};                          ///< How it is quantized.
  bool weight_zero_points = false;                  ///< Rows of the weight have zero points.
  EpilogueDescriptor epilogue{};                    ///< What becomes of the product.
};

/// Returns the largest K whose sum of products cannot leave int32, whatever the data:
/// `floor((2^31 - 1) / (max(|q_min|, q_max) * wmax))`, where `wmax` is 128 for S8 weights and 255
/// for U8. Returns 0 for a range or a weight element that is not valid.
QLINEAR_API std::int64_t max_k(std::int32_t q_min, std::int32_t q_max,
                               ElementKind weight_element) noexcept;

/// Returns the largest K of a layer whose other fields are those of `descriptor`, with its zero
/// points: `floor((2^31 - 1) / (A * W))`, where A is `q_max - q_min` with zero points of the
/// activation and else the larger of `-q_min` and `q_max` (255 and 128 where the activation is
/// given), and W is 255 with zero points of the weight or for U8, and else 128. `weight_element` is
/// taken instead of the descriptor's where that is left to the template.
QLINEAR_API std::int64_t max_k(const QuantizedLinearDescriptor& descriptor,
                               ElementKind weight_element) noexcept;

/// Tensors of one quantized linear layer, in device memory of the stream's device (in host memory
/// for `qlinear::reference`). Every tensor that is written must overlap no other tensor. Pointers
/// need the alignment of their element only; 16-byte aligned pointers and row strides run fastest.
/// The stride of a dimension of size 1 means nothing and may be anything, and so may every stride
/// of a tensor without elements, whose pointer may be null.
template <class TIn, class TWQ>
struct QuantizedLinearArgs {
  static_assert(sizeof(detail::RequireActivation<TIn>) + sizeof(detail::RequireWeight<TWQ>) > 0);

  TensorRef<TIn, 2> activation;             ///< [M, K], row stride >= K; [M, 2 K] of a gated source
  TensorRef<TWQ, 2> weight_q;               ///< [C_out, K], row stride >= K
  TensorRef<scale_t<TIn>, 1> weight_scale;  ///< [C_out]
  TensorMut<TIn, 2> output;        ///< [M, C_out], row stride >= C_out; [M, C_out / 2] if gated
  TensorMut<S8, 2> act_q_scratch;  ///< [M, K]: receives the quantized activation
  TensorMut<scale_t<TIn>, 1> act_scale_scratch;  ///< [M]: receives the activation's scales
  TensorRef<TIn, 1> bias{};                      ///< [C_out]; value-initialised means no bias
  SourceTensors<TIn> source{};
  ScaleTensors<TIn> scale{};
  GivenActivation<TIn> given{};  ///< Of `ScaleKind::Given`, instead of activation and scratch.
  ZeroPointTensors<TWQ> zero_points{};
  EpilogueTensors<TIn> epilogue{};
};

/// The quantize pass alone: `quantized[M,K]`, `scale[M]` from `activation[M,K]`.
struct DynamicRangeQuantizeDescriptor {
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int32_t q_min = -127;  ///< The rules of `QuantizedLinearDescriptor` apply to the range.
  std::int32_t q_max = 127;
  ElementKind activation_element = kElementOfTemplate;  ///< As in `QuantizedLinearDescriptor`.
  ElementKind quantized_element = kElementOfTemplate;
  SourceDescriptor source{};  ///< What is quantized of the activation.
  ScaleDescriptor scale{};    ///< How it is quantized; not `Given`.
  bool sums = false;          ///< Asks for the sum of each row of q.
};

template <class TIn, class TQ>
struct DynamicRangeQuantizeArgs {
  static_assert(sizeof(detail::RequireActivation<TIn>) + sizeof(detail::RequireQuantized<TQ>) > 0);

  TensorRef<TIn, 2> activation;      ///< [M, K], row stride >= K; [M, 2 K] of a gated source
  TensorMut<TQ, 2> quantized;        ///< [M, K], row stride >= K
  TensorMut<scale_t<TIn>, 1> scale;  ///< [M]
  SourceTensors<TIn> source{};
  ScaleTensors<TIn> scale_from{};    ///< What `scale` is computed from, where not from the row.
  TensorMut<TQ, 1> zero_point{};     ///< [M], if the descriptor's scale has zero points.
  TensorMut<std::int32_t, 1> sum{};  ///< [M], if the descriptor asks for sums.
};

/// A quantize pass, and what its result stands for: the activation as a layer takes it.
template <class TIn>
struct FakeQuantizeArgs {
  DynamicRangeQuantizeArgs<TIn, S8> quantize;  ///< The pass, whose results are written, too.
  TensorMut<TIn, 2> output;                    ///< [M, K], row stride >= K
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
