#pragma once

#include <qlinear/tensor.hpp>
#include <qlinear/types.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace qlinear {

/// An element type as DLPack numbers it: the fields `code` and `bits` of a `DLDataType` of one
/// lane.
struct DLPackType {
  std::uint8_t code = 0;
  std::uint8_t bits = 0;
};

/// `kind` in DLPack's numbers: `kDLInt` 0, `kDLUInt` 1, `kDLFloat` 2, `kDLBfloat` 4. Of a value
/// outside the enumeration no bits.
constexpr DLPackType dlpack_type(ElementKind kind) noexcept {
  constexpr std::uint8_t kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4;
  switch (kind) {
    case ElementKind::F16:
      return {kFloat, 16};
    case ElementKind::BF16:
      return {kBfloat, 16};
    case ElementKind::F32:
      return {kFloat, 32};
    case ElementKind::F64:
      return {kFloat, 64};
    case ElementKind::S8:
      return {kInt, 8};
    case ElementKind::U8:
      return {kUInt, 8};
    case ElementKind::S32:
      return {kInt, 32};
  }
  return {};
}

/// Size of an element, which is also the alignment that its pointer needs.
constexpr std::size_t element_bytes(ElementKind kind) noexcept {
  return dlpack_type(kind).bits / std::size_t{8};
}

/// Largest rank of a `TensorView`.
inline constexpr std::size_t kMaxRank = 4;

/// A strided tensor whose element type and rank are known at run time. Its layout is the same in
/// every program, whatever checks of the standard library that is compiled with.
struct TensorView {
  void* data = nullptr;  ///< As in DLPack without const, also of a tensor that is only read.
  std::int32_t rank = 0;
  ElementKind element = ElementKind::F32;
  std::array<std::int64_t, kMaxRank> shape{};   ///< The first `rank` count.
  std::array<std::int64_t, kMaxRank> stride{};  ///< In elements.
};

namespace detail {
template <class T, class Tensor, std::size_t Rank>
constexpr TensorView untyped(const Tensor& tensor,
                             const std::array<std::int64_t, Rank>& shape) noexcept {
  static_assert(Rank <= kMaxRank);
  TensorView view;
  view.data = const_cast<T*>(tensor.data);
  view.rank = static_cast<std::int32_t>(Rank);
  view.element = element_kind_v<T>;
  for (std::size_t axis = 0; axis < Rank; ++axis) {
    view.shape[axis] = shape[axis];
    view.stride[axis] = tensor.stride[axis];
  }
  return view;
}
}  // namespace detail

/// `tensor` without its type.
template <class T, std::size_t Rank>
constexpr TensorView tensor_view(const TensorRef<T, Rank>& tensor) noexcept {
  return detail::untyped<T>(tensor, tensor.shape);
}
template <class T, std::size_t Rank>
constexpr TensorView tensor_view(const TensorMut<T, Rank>& tensor) noexcept {
  return detail::untyped<T>(tensor, tensor.shape);
}

}  // namespace qlinear
