#include <core/fake_quantize.hpp>

#include <launch/enqueue.hpp>
#include <validation/validation.hpp>

namespace qlinear::detail {
namespace {

kernels::DequantizeProblem dequantize_problem(const DynamicRangeQuantizeDescriptor& descriptor,
                                              const QuantizeTensors& tensors,
                                              const TensorView& output) {
  const bool zero_points = has_zero_points(descriptor.scale);
  return {.element = output.element,
          .m = descriptor.m,
          .k = descriptor.k,
          .q = static_cast<const std::int8_t*>(tensors.quantized.data),
          .ldq = row_stride(tensors.quantized),
          .scale = tensors.scale.data,
          .zero_point = zero_points
                            ? static_cast<const std::int8_t*>(options_of(tensors).zero_point.data)
                            : nullptr,
          .y = output.data,
          .ldy = row_stride(output)};
}

}  // namespace

Status can_fake_quantize(const QuantizeState& state, const QuantizeTensors& tensors,
                         const TensorView& output) noexcept {
  return validate_tensors(state.descriptor, tensors, &output);
}

Status fake_quantize(const QuantizeState& state, cudaStream_t stream, Workspace workspace,
                     const QuantizeTensors& tensors, const TensorView& output) noexcept {
  if (Status status = validate_workspace(workspace); !status.ok()) return status;
  if (Status status = can_fake_quantize(state, tensors, output); !status.ok()) return status;
  const auto pass = quantize_pass(state.descriptor, quantize_operands(tensors),
                                  state.programmatic_dependent_launch);
  return on_plan_device(stream, state.device, [&] {
    Status status = enqueue_quantize(*state.kernel, pass, stream);
    if (!status.ok()) return status;
    return enqueue_dequantize(dequantize_problem(state.descriptor, tensors, output), stream);
  });
}

}  // namespace qlinear::detail
