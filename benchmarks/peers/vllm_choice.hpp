#pragma once

#include <benchmark/cutlass_int8.hpp>

#include <cstdint>

namespace qlinear::benchmark {

/// vLLM's choice for int8 on sm_90.
inline CutlassLauncher vllm_choice(std::int64_t m, std::int64_t n) {
  constexpr std::int64_t kWide = 8192;
  if (m <= 32 && n < kWide) return &launch_cutlass_64x64x256_cluster_1x8;
  if (m <= 32) return &launch_cutlass_64x128x256_cluster_1x4;
  if (m <= 64) return &launch_cutlass_64x64x256;
  if (m <= 128) return &launch_cutlass_64x128x128_cluster_2x1_pingpong;
  return &launch_cutlass_128x128x128_cluster_2x1_pingpong;
}

}  // namespace qlinear::benchmark
