#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <api/plan_storage.hpp>
#include <core/dynamic_range_quantize.hpp>
#include <qlinear/plan.hpp>

namespace qlinear {

template <class TIn, class TQ>
Result<DynamicRangeQuantizePlan<TIn, TQ>> DynamicRangeQuantizePlan<TIn, TQ>::select(
    cudaStream_t stream, const DynamicRangeQuantizeDescriptor& descriptor,
    const PlanPreference& preference) noexcept {
  const auto state = detail::select_on_stream(stream, descriptor, preference, element_kind_v<TIn>,
                                              element_kind_v<TQ>);
  if (!state.ok()) return state.status();
  return DynamicRangeQuantizePlan(detail::stored<Storage>(state.value()));
}

template <class TIn, class TQ>
Status DynamicRangeQuantizePlan<TIn, TQ>::can_implement(const Args& args) const noexcept {
  return detail::can_implement(detail::held<detail::QuantizeState>(storage_),
                               detail::call_tensors(args));
}

template <class TIn, class TQ>
const KernelSku& DynamicRangeQuantizePlan<TIn, TQ>::sku() const noexcept {
  return detail::held<detail::QuantizeState>(storage_).sku;
}

template <class TIn, class TQ>
const DynamicRangeQuantizeDescriptor& DynamicRangeQuantizePlan<TIn, TQ>::descriptor()
    const noexcept {
  return detail::held<detail::QuantizeState>(storage_).descriptor;
}

template <class TIn, class TQ>
Status DynamicRangeQuantizePlan<TIn, TQ>::run(cudaStream_t stream, Workspace workspace,
                                              const Args& args) const noexcept {
  return detail::run(detail::held<detail::QuantizeState>(storage_), stream, workspace,
                     detail::call_tensors(args));
}

template class DynamicRangeQuantizePlan<__half, S8>;
template class DynamicRangeQuantizePlan<__nv_bfloat16, S8>;
template class DynamicRangeQuantizePlan<float, S8>;
template class DynamicRangeQuantizePlan<double, S8>;

}  // namespace qlinear
