#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <cstdint>

// CUTLASS int8 GEMMs with the scales fused, a baseline on Hopper. Each of vLLM's published sm_90
// int8 configurations of tile, cluster and schedule has a translation unit.

namespace qlinear::benchmark {

/// Computes output[M,N] = bf16((a_scale[m] * b_scale[n]) * float(a[M,K] · b[N,K]ᵀ)). All matrices
/// are without padding and 16-byte aligned, K is a multiple of 16 and N of 8.
struct CutlassProblem {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  const std::int8_t* a;
  const std::int8_t* b;
  const float* a_scale;
  const float* b_scale;
  __nv_bfloat16* output;
};

using CutlassLauncher = cudaError_t (*)(const CutlassProblem&, cudaStream_t);

cudaError_t launch_cutlass_64x64x256_cluster_1x8(const CutlassProblem&, cudaStream_t);
cudaError_t launch_cutlass_64x128x256_cluster_1x4(const CutlassProblem&, cudaStream_t);
cudaError_t launch_cutlass_64x64x256(const CutlassProblem&, cudaStream_t);
cudaError_t launch_cutlass_64x128x128_cluster_2x1_pingpong(const CutlassProblem&, cudaStream_t);
cudaError_t launch_cutlass_128x128x128_cluster_2x1_pingpong(const CutlassProblem&, cudaStream_t);

}  // namespace qlinear::benchmark
