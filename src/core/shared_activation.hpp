#pragma once

#include <core/quantized_linear.hpp>

#include <algorithm>
#include <cstddef>

// QuantizedLinearPlan::run_shared without types.

namespace qlinear::detail {

/// Checks what `run` checks but the stream, without launching anything. Layers that run one after
/// another write the first `written` bytes of the workspace, which must overlap no tensor of any.
Status check_run(const LinearState& state, Workspace workspace, std::size_t written,
                 const LinearTensors& tensors) noexcept;

/// Checks that a layer can follow `run` of another by `multiply`: that both have one device and one
/// quantized activation, and that neither output overlaps a tensor of the other. `index` is its
/// number among the layers, and `other_index` that of the other. Precondition: `check_run` accepts
/// both.
Status check_shared(const LinearState& other, const LinearTensors& other_tensors,
                    std::size_t other_index, const LinearState& state, const LinearTensors& tensors,
                    std::size_t index) noexcept;

/// Runs layers 0 to `count` - 1, of which `state_of(i)` is a state and `fill(i, tensors)` fills in
/// the tensors or fails. Tensors are filled in where they are needed, since no call allocates.
template <class StateOf, class Fill>
Status run_shared(cudaStream_t stream, Workspace workspace, std::size_t count,
                  const StateOf& state_of, const Fill& fill) noexcept {
  std::size_t written = 0;
  for (std::size_t i = 0; i < count; ++i) written = std::max(written, workspace_size(state_of(i)));
  LinearTensors tensors;
  for (std::size_t i = 0; i < count; ++i) {
    Status status = fill(i, tensors);
    if (status.ok()) status = check_run(state_of(i), workspace, written, tensors);
    for (std::size_t other = 0; other < i && status.ok(); ++other) {
      LinearTensors others;
      status = fill(other, others);
      if (status.ok()) {
        status = check_shared(state_of(other), others, other, state_of(i), tensors, i);
      }
    }
    if (!status.ok()) return status;
  }
  for (std::size_t i = 0; i < count; ++i) {
    Status status = fill(i, tensors);
    if (!status.ok()) return status;
    status = i == 0 ? run(state_of(i), stream, workspace, tensors)
                    : multiply(state_of(i), stream, workspace, tensors);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace qlinear::detail
