#pragma once

#include <quantize/quantize_row.cuh>
#include <runtime/launch_config.cuh>
#include <runtime/shared_memory.hpp>

#include <algorithm>

// The grids of quantize kernels whose blocks hold whole rows.

namespace qlinear::kernels {

/// Returns the threads for a row of `k`. With many rows each thread takes `held` chunks. With few,
/// latency counts, and threads take fewer chunks, but only up to `kFewThreads` threads.
inline unsigned threads_per_row(std::int64_t m, std::int64_t k, int held, unsigned max_threads) {
  constexpr std::int64_t kManyRows = 512;
  const std::int64_t chunks = std::max<std::int64_t>(1, divide_up(k, kChunkElements));
  const std::int64_t fewest = divide_up(chunks, held);
  const std::int64_t quickest =
      std::max<std::int64_t>(fewest, std::min<std::int64_t>(chunks, kFewThreads));
  const std::int64_t wanted = m >= kManyRows ? fewest : quickest;
  return static_cast<unsigned>(std::min<std::int64_t>(max_threads, divide_up(wanted, 32) * 32));
}

/// Returns the shared memory with which an SM holds its share of the blocks and no more. From three
/// blocks per SM on, shares are even without it.
inline std::size_t spreading_bytes(const EvenSpread& spread, unsigned blocks) {
  constexpr std::int64_t kFewBlocks = 2;
  if (spread.num_sms == 0) return 0;
  const std::int64_t share = divide_up(blocks, spread.num_sms);
  if (share > kFewBlocks) return 0;
  return spread.shared_bytes / static_cast<std::size_t>(share) - kReservedSharedBytes;
}

/// A lone row gets a second, empty block: with it the layers 6144 x 4096 and 10240 x 8192, whose
/// GEMM does not split K, take 3 and 2 % less on an H100. The cause was not traced.
inline constexpr unsigned kFewestRowBlocks = 2;

/// Blocks with rows, then those that prefetch weights.
inline LaunchConfig row_launch_config(const char* name, const QuantizeProblem& p,
                                      unsigned row_blocks, dim3 block, std::size_t shared_bytes,
                                      cudaStream_t stream) {
  LaunchConfig config{name, dim3(row_blocks + p.gemm.prefetch.blocks), block};
  config.dynamic_shared_bytes = std::max(shared_bytes, spreading_bytes(p.gemm.spread, row_blocks));
  config.stream = stream;
  config.programmatic_dependent = p.programmatic_dependent;
  return config;
}

}  // namespace qlinear::kernels
