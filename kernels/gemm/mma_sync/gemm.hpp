#pragma once

#include <common/dispatch_element.hpp>
#include <common/problems.hpp>
#include <gemm/mma_sync/tiles.hpp>

namespace qlinear::kernels {

/// Launches row `tile` of `kMmaSyncTiles`, one of instruction `kShape`, for activations of type
/// `TIn`. Operands are aligned as that row asks; it takes any M, N and K. Several files define it,
/// so that they compile side by side, each for the GPUs that have the instruction.
template <class TIn, MmaShape kShape>
cudaError_t launch_mma_sync_gemm_for(int tile, const GemmProblem& problem, cudaStream_t stream);

template <int kTile>
cudaError_t launch_mma_sync_gemm(const GemmProblem& problem, cudaStream_t stream) {
  return dispatch_element<kMmaSyncTiles[kTile].types>(problem.operands.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    return launch_mma_sync_gemm_for<TIn, kMmaSyncTiles[kTile].shape>(kTile, problem, stream);
  });
}

}  // namespace qlinear::kernels
