#pragma once

#include <qlinear/plan.hpp>
#include <selection/plan_state.hpp>
#include <validation/call_tensors.hpp>

#include <driver_types.h>

// FakeQuantizePlan without its types: a quantize pass, whose state `select_on_stream` gives, and
// its inverse.

namespace qlinear::detail {

// Tensors of other ranks or element kinds than the state's descriptor implies are refused.
Status can_fake_quantize(const QuantizeState& state, const QuantizeTensors& tensors,
                         const TensorView& output) noexcept;
Status fake_quantize(const QuantizeState& state, cudaStream_t stream, Workspace workspace,
                     const QuantizeTensors& tensors, const TensorView& output) noexcept;

}  // namespace qlinear::detail
