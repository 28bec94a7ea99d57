#include <core/row_sums.hpp>
#include <qlinear/sums.hpp>

namespace qlinear {

template <class TWQ>
Status weight_sums(cudaStream_t stream, const TensorRef<TWQ, 2>& weight,
                   const TensorMut<std::int32_t, 1>& sums) noexcept {
  return detail::sum_rows(stream, "weight", element_kind_v<TWQ>, tensor_view(weight),
                          tensor_view(sums));
}

Status activation_sums(cudaStream_t stream, const TensorRef<S8, 2>& quantized,
                       const TensorMut<std::int32_t, 1>& sums) noexcept {
  return detail::sum_rows(stream, "quantized", ElementKind::S8, tensor_view(quantized),
                          tensor_view(sums));
}

template Status weight_sums(cudaStream_t, const TensorRef<S8, 2>&,
                            const TensorMut<std::int32_t, 1>&) noexcept;
template Status weight_sums(cudaStream_t, const TensorRef<U8, 2>&,
                            const TensorMut<std::int32_t, 1>&) noexcept;

}  // namespace qlinear
