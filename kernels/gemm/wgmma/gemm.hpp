#pragma once

#include <common/dispatch_element.hpp>
#include <common/problems.hpp>
#include <gemm/wgmma/tiles.hpp>

namespace qlinear::kernels {

/// Launches row `tile` of `kWgmmaTiles` for activations of type `TIn`. Operands have 16-byte
/// aligned pointers and row strides; it takes any M, N and K. Each type has a file of its own, so
/// that they compile side by side.
template <class TIn>
cudaError_t launch_wgmma_gemm_for(int tile, const GemmProblem& problem, cudaStream_t stream);

template <int kTile>
cudaError_t launch_wgmma_gemm(const GemmProblem& problem, cudaStream_t stream) {
  return dispatch_element<kWgmmaTiles[kTile].types>(problem.operands.element, [&](auto element) {
    return launch_wgmma_gemm_for<typename decltype(element)::Type>(kTile, problem, stream);
  });
}

}  // namespace qlinear::kernels
