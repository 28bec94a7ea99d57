#pragma once

#include <common/problems.hpp>
#include <ptx/memory.cuh>

// Between two layers memory idles for some microseconds: partial sums are added up and stored, the
// next quantize kernel starts, reads its rows and writes them, its GEMM starts and fetches tensor
// maps. Blocks of the quantize kernel use that time to prefetch the GEMM's first weights to the L2.
// They need not wait for kernels that may write those weights, since the L2 sees their writes.

namespace qlinear::kernels {

/// Prefetches weights; called by all blocks from `first_block` along x on.
__device__ __forceinline__ void prefetch_weights(const WeightPrefetch& prefetch,
                                                 unsigned first_block) {
  constexpr auto kLine = static_cast<unsigned>(kCacheLineBytes);
  const unsigned block = (blockIdx.x - first_block) * gridDim.y + blockIdx.y;
  const unsigned threads = (gridDim.x - first_block) * gridDim.y * blockDim.y * blockDim.x;
  const unsigned thread = (block * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned lines = prefetch.bytes / kLine;
  for (unsigned i = thread; i < prefetch.rows * prefetch.slices * lines; i += threads) {
    const unsigned piece = i / lines;
    unsigned row = piece / prefetch.slices;
    const auto* weights = static_cast<const unsigned char*>(prefetch.weights);
    if (prefetch.ups != 0 && row >= prefetch.rows / 2) {
      row -= prefetch.rows / 2;
      weights += prefetch.ups;
    }
    ptx::prefetch_l2(weights + row * prefetch.ld +
                     std::int64_t{piece % prefetch.slices} * prefetch.slice_bytes +
                     i % lines * kLine);
  }
}

}  // namespace qlinear::kernels
