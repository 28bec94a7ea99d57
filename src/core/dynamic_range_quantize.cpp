#include <core/dynamic_range_quantize.hpp>

#include <launch/enqueue.hpp>
#include <selection/plan_selection.hpp>
#include <validation/validation.hpp>

namespace qlinear::detail {

Result<QuantizeState> select_on_stream(cudaStream_t stream,
                                       const DynamicRangeQuantizeDescriptor& descriptor,
                                       const PlanPreference& preference, ElementKind activation,
                                       ElementKind quantized) noexcept {
  Status valid = validate_problem(descriptor, activation, quantized);
  if (valid.ok()) valid = validate_preference(preference);
  if (!valid.ok()) return valid;
  const auto device = device_info_of_stream(stream);
  if (!device.ok()) return device.status();
  return select_for_plan(*device.value(), with_elements(descriptor, activation, quantized),
                         preference);
}

Status can_implement(const QuantizeState& state, const QuantizeTensors& tensors) noexcept {
  return validate_tensors(state.descriptor, tensors);
}

Status run(const QuantizeState& state, cudaStream_t stream, Workspace workspace,
           const QuantizeTensors& tensors) noexcept {
  if (Status status = validate_workspace(workspace); !status.ok()) return status;
  if (Status status = can_implement(state, tensors); !status.ok()) return status;
  const auto pass = quantize_pass(state.descriptor, quantize_operands(tensors),
                                  state.programmatic_dependent_launch);
  return on_plan_device(stream, state.device,
                        [&] { return enqueue_quantize(*state.kernel, pass, stream); });
}

}  // namespace qlinear::detail
