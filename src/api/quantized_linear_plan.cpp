#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <api/plan_storage.hpp>
#include <core/quantized_linear.hpp>
#include <core/shared_activation.hpp>
#include <qlinear/plan.hpp>

namespace qlinear {

template <class TIn, class TWQ>
Result<QuantizedLinearPlan<TIn, TWQ>> QuantizedLinearPlan<TIn, TWQ>::select(
    cudaStream_t stream, const QuantizedLinearDescriptor& descriptor,
    const PlanPreference& preference) noexcept {
  const auto state = detail::select_on_stream(stream, descriptor, preference, element_kind_v<TIn>,
                                              element_kind_v<TWQ>);
  if (!state.ok()) return state.status();
  return QuantizedLinearPlan(detail::stored<Storage>(state.value()));
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::can_implement(const Args& args) const noexcept {
  return detail::can_implement(detail::held<detail::LinearState>(storage_),
                               detail::call_tensors(args));
}

template <class TIn, class TWQ>
std::size_t QuantizedLinearPlan<TIn, TWQ>::workspace_size() const noexcept {
  return detail::workspace_size(detail::held<detail::LinearState>(storage_));
}

template <class TIn, class TWQ>
const KernelSku& QuantizedLinearPlan<TIn, TWQ>::sku() const noexcept {
  return detail::held<detail::LinearState>(storage_).sku;
}

template <class TIn, class TWQ>
const QuantizedLinearDescriptor& QuantizedLinearPlan<TIn, TWQ>::descriptor() const noexcept {
  return detail::held<detail::LinearState>(storage_).descriptor;
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::run(cudaStream_t stream, Workspace workspace,
                                          const Args& args) const noexcept {
  return detail::run(detail::held<detail::LinearState>(storage_), stream, workspace,
                     detail::call_tensors(args));
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::quantize_activation(cudaStream_t stream,
                                                          const Args& args) const noexcept {
  return detail::quantize_activation(detail::held<detail::LinearState>(storage_), stream,
                                     detail::call_tensors(args));
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::multiply(cudaStream_t stream, Workspace workspace,
                                               const Args& args) const noexcept {
  return detail::multiply(detail::held<detail::LinearState>(storage_), stream, workspace,
                          detail::call_tensors(args));
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::run_shared(cudaStream_t stream, Workspace workspace,
                                                 const QuantizedLinearPlan* plans, const Args* args,
                                                 std::size_t count) noexcept {
  const auto state_of = [plans](std::size_t i) -> const detail::LinearState& {
    return detail::held<detail::LinearState>(plans[i].storage_);
  };
  const auto fill = [args](std::size_t i, detail::LinearTensors& tensors) {
    tensors = detail::call_tensors(args[i]);
    return Status();
  };
  return detail::run_shared(stream, workspace, count, state_of, fill);
}

template class QuantizedLinearPlan<__half, S8>;
template class QuantizedLinearPlan<__half, U8>;
template class QuantizedLinearPlan<__nv_bfloat16, S8>;
template class QuantizedLinearPlan<__nv_bfloat16, U8>;
template class QuantizedLinearPlan<float, S8>;
template class QuantizedLinearPlan<float, U8>;
template class QuantizedLinearPlan<double, S8>;
template class QuantizedLinearPlan<double, U8>;

}  // namespace qlinear
