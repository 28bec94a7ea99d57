#pragma once

#include <common/problems.hpp>

namespace qlinear::kernels {

/// One read of the row, kept in registers. K up to `quantize_registers_max_k`.
cudaError_t launch_quantize_registers(const QuantizeProblem& problem, cudaStream_t stream);
std::int64_t quantize_registers_max_k(ElementKind element);

/// As above, the row spread over a cluster of `quantize_cluster_blocks` blocks: for fewer rows than
/// the GPU has multiprocessors. K up to `quantize_cluster_max_k`. Compute capability 9.0 and later.
cudaError_t launch_quantize_cluster(const QuantizeProblem& problem, cudaStream_t stream);
std::int64_t quantize_cluster_max_k(ElementKind element);
int quantize_cluster_blocks(std::int64_t k);

/// Two reads of the row; any K.
cudaError_t launch_quantize_two_pass(const QuantizeProblem& problem, cudaStream_t stream);

}  // namespace qlinear::kernels
