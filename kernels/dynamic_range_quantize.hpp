#pragma once

#include <kernels.hpp>

namespace qlinear::kernels {

/// One read of the row, kept in registers. K up to `quantize_registers_max_k`.
cudaError_t launch_quantize_registers(const QuantizeProblem& problem, cudaStream_t stream);
std::int64_t quantize_registers_max_k(ElementKind element);

/// Two reads of the row; any K.
cudaError_t launch_quantize_two_pass(const QuantizeProblem& problem, cudaStream_t stream);

}  // namespace qlinear::kernels
