#pragma once

#include <common/problems.hpp>
#include <gemm/dp4a/tiles.hpp>

namespace qlinear::kernels {

/// Launches row `kTile` of `kDp4aTiles`, which takes any M, N, K, stride and alignment.
template <int kTile>
cudaError_t launch_dp4a_gemm(const GemmProblem& problem, cudaStream_t stream);

}  // namespace qlinear::kernels
