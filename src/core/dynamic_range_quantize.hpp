#pragma once

#include <qlinear/plan.hpp>
#include <selection/plan_state.hpp>
#include <validation/call_tensors.hpp>

#include <driver_types.h>

// DynamicRangeQuantizePlan without its types, likewise.

namespace qlinear::detail {

Result<QuantizeState> select_on_stream(cudaStream_t stream,
                                       const DynamicRangeQuantizeDescriptor& descriptor,
                                       const PlanPreference& preference, ElementKind activation,
                                       ElementKind quantized) noexcept;

// Tensors of other ranks or element kinds than the state's descriptor implies are refused.
Status can_implement(const QuantizeState& state, const QuantizeTensors& tensors) noexcept;
Status run(const QuantizeState& state, cudaStream_t stream, Workspace workspace,
           const QuantizeTensors& tensors) noexcept;

}  // namespace qlinear::detail
