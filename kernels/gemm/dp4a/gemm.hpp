#pragma once

#include <common/problems.hpp>
#include <gemm/dp4a/tiles.hpp>

namespace qlinear::kernels {

/// Launches row `tile` of `kDp4aTiles`, which takes any M, N, K, stride and alignment.
cudaError_t launch_dp4a_gemm_of(int tile, const GemmProblem& problem, cudaStream_t stream);

template <int kTile>
cudaError_t launch_dp4a_gemm(const GemmProblem& problem, cudaStream_t stream) {
  return launch_dp4a_gemm_of(kTile, problem, stream);
}

}  // namespace qlinear::kernels
