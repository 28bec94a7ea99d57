#pragma once

#include <qlinear/plan.hpp>
#include <selection/plan_state.hpp>
#include <validation/call_tensors.hpp>

#include <driver_types.h>

#include <cstddef>

// QuantizedLinearPlan without its types: what its documentation says of a function holds here.

namespace qlinear::detail {

Result<LinearState> select_on_stream(cudaStream_t stream,
                                     const QuantizedLinearDescriptor& descriptor,
                                     const PlanPreference& preference, ElementKind activation,
                                     ElementKind weight) noexcept;

std::size_t workspace_size(const LinearState& state) noexcept;

// Tensors of other ranks or element kinds than the state's descriptor implies are refused.
Status can_implement(const LinearState& state, const LinearTensors& tensors) noexcept;
Status run(const LinearState& state, cudaStream_t stream, Workspace workspace,
           const LinearTensors& tensors) noexcept;
Status quantize_activation(const LinearState& state, cudaStream_t stream,
                           const LinearTensors& tensors) noexcept;
Status multiply(const LinearState& state, cudaStream_t stream, Workspace workspace,
                const LinearTensors& tensors) noexcept;

}  // namespace qlinear::detail
