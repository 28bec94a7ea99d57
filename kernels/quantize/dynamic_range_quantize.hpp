#pragma once

#include <common/problems.hpp>
#include <quantize/fused_problem.hpp>

namespace qlinear::kernels {

/// Reads the row once and keeps it in registers. Takes K up to `quantize_registers_max_k`.
cudaError_t launch_quantize_registers(const QuantizeProblem& problem, cudaStream_t stream);
std::int64_t quantize_registers_max_k(ElementKind element);

/// Reads the row once, over a cluster of `quantize_cluster_blocks` blocks: for fewer rows than the
/// GPU has SMs. Takes K up to `quantize_cluster_max_k`. Needs compute capability 9.0 or later.
cudaError_t launch_quantize_cluster(const QuantizeProblem& problem, cudaStream_t stream);
std::int64_t quantize_cluster_max_k(ElementKind element);
int quantize_cluster_blocks(std::int64_t k);

/// Reads the row once and keeps it in shared memory, for many long rows: those of f16 and bf16, K
/// up to `quantize_shared_max_k`.
cudaError_t launch_quantize_shared(const QuantizeProblem& problem, cudaStream_t stream);
std::int64_t quantize_shared_max_k(ElementKind element);

/// Reads the row twice. Takes any K.
cudaError_t launch_quantize_two_pass(const QuantizeProblem& problem, cudaStream_t stream);

// The same with a source, a scale or outputs that the plain pass does not have. With rows in memory
// norms take three or four reads. For what there is no kernel, `max_k` is -1.

cudaError_t launch_fused_quantize_registers(const FusedQuantizeProblem& problem,
                                            cudaStream_t stream);
std::int64_t fused_quantize_registers_max_k(ElementKind element, SourceKind source);
cudaError_t launch_fused_quantize_cluster(const FusedQuantizeProblem& problem, cudaStream_t stream);
std::int64_t fused_quantize_cluster_max_k(ElementKind element, SourceKind source);
/// Of sources it takes plain and gated ones.
cudaError_t launch_fused_quantize_shared(const FusedQuantizeProblem& problem, cudaStream_t stream);
std::int64_t fused_quantize_shared_max_k(ElementKind element, SourceKind source);
cudaError_t launch_fused_quantize_two_pass(const FusedQuantizeProblem& problem,
                                           cudaStream_t stream);

}  // namespace qlinear::kernels
