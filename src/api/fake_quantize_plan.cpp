#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <api/plan_storage.hpp>
#include <core/dynamic_range_quantize.hpp>
#include <core/fake_quantize.hpp>
#include <qlinear/plan.hpp>

namespace qlinear {

template <class TIn>
Result<FakeQuantizePlan<TIn>> FakeQuantizePlan<TIn>::select(
    cudaStream_t stream, const DynamicRangeQuantizeDescriptor& descriptor,
    const PlanPreference& preference) noexcept {
  const auto state = detail::select_on_stream(stream, descriptor, preference, element_kind_v<TIn>,
                                              ElementKind::S8);
  if (!state.ok()) return state.status();
  return FakeQuantizePlan(detail::stored<Storage>(state.value()));
}

template <class TIn>
Status FakeQuantizePlan<TIn>::can_implement(const Args& args) const noexcept {
  return detail::can_fake_quantize(detail::held<detail::QuantizeState>(storage_),
                                   detail::call_tensors(args.quantize), tensor_view(args.output));
}

template <class TIn>
const KernelSku& FakeQuantizePlan<TIn>::sku() const noexcept {
  return detail::held<detail::QuantizeState>(storage_).sku;
}

template <class TIn>
const DynamicRangeQuantizeDescriptor& FakeQuantizePlan<TIn>::descriptor() const noexcept {
  return detail::held<detail::QuantizeState>(storage_).descriptor;
}

template <class TIn>
Status FakeQuantizePlan<TIn>::run(cudaStream_t stream, Workspace workspace,
                                  const Args& args) const noexcept {
  return detail::fake_quantize(detail::held<detail::QuantizeState>(storage_), stream, workspace,
                               detail::call_tensors(args.quantize), tensor_view(args.output));
}

template class FakeQuantizePlan<__half>;
template class FakeQuantizePlan<__nv_bfloat16>;
template class FakeQuantizePlan<float>;
template class FakeQuantizePlan<double>;

}  // namespace qlinear
