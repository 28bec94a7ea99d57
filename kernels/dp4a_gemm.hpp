#pragma once

#include <dp4a_tiles.hpp>
#include <kernels.hpp>

namespace qlinear::kernels {

/// Row `kTile` of `kDp4aTiles`: any M, N, K, stride and alignment.
template <int kTile>
cudaError_t launch_dp4a_gemm(const GemmProblem& problem, cudaStream_t stream);

}  // namespace qlinear::kernels
