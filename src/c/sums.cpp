#include <c/row_sums.hpp>
#include <core/row_sums.hpp>

using qlinear::ElementKind;
using qlinear::TensorView;

qlinear_status qlinear_weight_sums(const qlinear_tensor* weight, const qlinear_tensor* sums,
                                   char* message, size_t message_bytes, CUstream_st* stream) {
  return qlinear::c::sum_weight(
      weight, sums, {message, message_bytes},
      [stream](ElementKind element, const TensorView& matrix, const TensorView& vector) {
        return qlinear::detail::sum_rows(stream, "weight", element, matrix, vector);
      });
}

qlinear_status qlinear_activation_sums(const qlinear_tensor* quantized, const qlinear_tensor* sums,
                                       char* message, size_t message_bytes, CUstream_st* stream) {
  return qlinear::c::sum_activation(quantized, sums, {message, message_bytes},
                                    [stream](const TensorView& matrix, const TensorView& vector) {
                                      return qlinear::detail::sum_rows(
                                          stream, "quantized", ElementKind::S8, matrix, vector);
                                    });
}
