#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <launch/enqueue.hpp>
#include <qlinear/plan.hpp>
#include <selection/selection.hpp>
#include <validation/validation.hpp>

namespace qlinear {

template <class TIn, class TQ>
Result<DynamicRangeQuantizePlan<TIn, TQ>> DynamicRangeQuantizePlan<TIn, TQ>::select(
    cudaStream_t stream, const DynamicRangeQuantizeDescriptor& descriptor,
    const PlanPreference& preference) noexcept {
  Status valid = detail::validate_problem(descriptor, element_kind_v<TIn>, element_kind_v<TQ>);
  if (valid.ok()) valid = detail::validate_preference(preference);
  if (!valid.ok()) return valid;
  const auto device = detail::device_info_of_stream(stream);
  if (!device.ok()) return device.status();
  const auto state = detail::select_quantize(*device.value(), descriptor, preference);
  if (!state.ok()) return state.status();
  return DynamicRangeQuantizePlan(state.value());
}

template <class TIn, class TQ>
Status DynamicRangeQuantizePlan<TIn, TQ>::can_implement(const Args& args) const noexcept {
  return detail::validate_args(state_.descriptor, args);
}

template <class TIn, class TQ>
Status DynamicRangeQuantizePlan<TIn, TQ>::run(cudaStream_t stream, Workspace workspace,
                                              const Args& args) const noexcept {
  if (Status status = detail::validate_workspace(workspace); !status.ok()) return status;
  if (Status status = can_implement(args); !status.ok()) return status;
  const auto problem =
      detail::quantize_problem(state_.descriptor, args, state_.programmatic_dependent_launch);
  return detail::on_plan_device(stream, state_.device, [&] {
    return detail::enqueue_quantize(*state_.kernel, problem, stream);
  });
}

template class DynamicRangeQuantizePlan<__half, S8>;
template class DynamicRangeQuantizePlan<__nv_bfloat16, S8>;
template class DynamicRangeQuantizePlan<float, S8>;
template class DynamicRangeQuantizePlan<double, S8>;

}  // namespace qlinear
