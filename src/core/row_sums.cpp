#include <core/row_sums.hpp>

#include <launch/enqueue.hpp>
#include <validation/validation.hpp>

namespace qlinear::detail {

Status sum_rows(cudaStream_t stream, const char* name, ElementKind element,
                const TensorView& matrix, const TensorView& sums) noexcept {
  if (Status status = validate_row_sums(name, element, matrix, sums); !status.ok()) return status;
  const auto device = device_info_of_stream(stream);
  if (!device.ok()) return device.status();
  const kernels::RowSumsProblem problem{.element = element,
                                        .rows = matrix.shape[0],
                                        .columns = matrix.shape[1],
                                        .matrix = matrix.data,
                                        .ld = row_stride(matrix),
                                        .sums = static_cast<std::int32_t*>(sums.data)};
  return on_plan_device(stream, device.value()->ordinal,
                        [&] { return enqueue_row_sums(problem, stream); });
}

}  // namespace qlinear::detail
