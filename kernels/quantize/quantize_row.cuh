#pragma once

#include <common/problems.hpp>
#include <ptx/griddepcontrol.cuh>
#include <ptx/memory.cuh>
#include <quantize/row_chunk.cuh>
#include <quantize/weight_prefetch.cuh>
#include <runtime/launch_config.cuh>

#include <algorithm>

// The quantize kernels share a row, its maximum over a block, and the chunks of it that a thread
// keeps in registers.

namespace qlinear::kernels {

/// A thread keeps this many chunks of a row: 128 bytes, 32 registers.
template <class TIn>
inline constexpr int kHeldChunks = 8 / static_cast<int>(sizeof(TIn));

/// Beside a block of this many threads two blocks of a GEMM still find registers.
inline constexpr unsigned kFewThreads = 256;

/// What the host decides for a launch.
struct RowOptions {
  bool x_aligned;
  bool q_aligned;
  /// PDL: the GEMM may fill its pipelines while rows are still quantized. Beside blocks that leave
  /// it few registers it would find room on some SMs only, and stay unevenly placed.
  bool lets_gemm_in_early;
  bool lets_gemm_in_at_once;  ///< PDL: the GEMM may start even while earlier kernels still run.
  bool prefetches_rows;       ///< Rows are prefetched to the L2 while earlier kernels still run.
  /// The blocks along x that have rows. The blocks after them prefetch weights.
  unsigned row_blocks;
};

template <class TIn>
RowOptions row_options(const QuantizeProblem& p, unsigned threads, unsigned row_blocks) {
  const auto element_bytes = static_cast<std::int64_t>(sizeof(TIn));
  const bool early = threads <= kFewThreads;
  return {rows_are_16_byte_aligned(p.x, p.ldx * element_bytes),
          rows_are_16_byte_aligned(p.q, p.ldq),
          early,
          early && p.gemm.constant_weights,
          p.gemm.prefetch.blocks > 0,
          row_blocks};
}

inline std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Waits for earlier kernels and launches the GEMM, its dependent, as soon as the options allow.
__device__ __forceinline__ void wait_and_let_gemm_in(const RowOptions& options) {
  if (options.lets_gemm_in_at_once) ptx::griddepcontrol_launch_dependents();
  ptx::griddepcontrol_wait();
  if (options.lets_gemm_in_early) ptx::griddepcontrol_launch_dependents();
}

template <class Magnitude>
__device__ __forceinline__ Magnitude warp_max(Magnitude magnitude) {
  for (int offset = 16; offset > 0; offset /= 2) {
    magnitude = max(magnitude, __shfl_xor_sync(~0u, magnitude, offset));
  }
  return magnitude;
}

/// Returns the largest `magnitude` of the threads that share threadIdx.y. Every thread of the block
/// calls it.
template <class Magnitude>
__device__ Magnitude row_max(Magnitude magnitude) {
  magnitude = warp_max(magnitude);
  const unsigned warps_per_row = blockDim.x / 32;
  if (warps_per_row == 1) return magnitude;
  auto* slots = reinterpret_cast<Magnitude*>(ptx::dynamic_shared_memory());
  auto* row_slots = slots + threadIdx.y * warps_per_row;
  if (threadIdx.x % 32 == 0) ptx::st_shared(row_slots + threadIdx.x / 32, magnitude);
  __syncthreads();
  return warp_max(ptx::ld_shared(row_slots + threadIdx.x % 32 % warps_per_row));
}

/// `row_max` uses this much shared memory, a slot for each warp.
inline constexpr std::size_t kRowMaxBytes = 32 * sizeof(unsigned long long);

/// Clears the GEMM's counters; called by the blocks along x that have rows.
__device__ inline void clear_counters(const QuantizeProblem& p, const RowOptions& options) {
  if (blockIdx.y != 0) return;
  const std::int64_t threads = std::int64_t{options.row_blocks} * blockDim.x * blockDim.y;
  const std::int64_t block = std::int64_t{blockIdx.x} * blockDim.x * blockDim.y;
  for (std::int64_t i = block + threadIdx.y * blockDim.x + threadIdx.x; i < p.gemm.counter_count;
       i += threads) {
    ptx::st_global(p.gemm.counters + i, 0u);
  }
}

/// A row, and what every variant does around it.
template <class TIn>
struct Row {
  std::int64_t index;
  std::int64_t k;  ///< 0 for a row past the last, which takes part in the barriers only.
  const TIn* x;
  std::int8_t* q;

  static constexpr auto kLine = kCacheLineBytes / static_cast<std::int64_t>(sizeof(TIn));

  __device__ Row(const QuantizeProblem& p, std::int64_t row)
      : index(row),
        k(index < p.m ? p.k : 0),
        x(static_cast<const TIn*>(p.x) + (k > 0 ? index * p.ldx : 0)),
        q(p.q + (k > 0 ? index * p.ldq : 0)) {}

  /// Prefetches every `threads`-th line of it to the L2, from `thread` on. It runs before the wait
  /// for the kernel that writes the row, since few rows are read so quickly that a miss shows.
  __device__ void prefetch(unsigned thread, unsigned threads) const {
    for (std::int64_t i = thread * kLine; i < k; i += threads * kLine) {
      ptx::prefetch_l2(x + i);
    }
  }

  /// Returns the row's scale. The thread with `stores` also stores it.
  __device__ RowScale<scale_t<TIn>> scale(const QuantizeProblem& p,
                                          typename Element<TIn>::Magnitude magnitude,
                                          bool stores) const {
    const auto scale = row_scale<TIn>(magnitude, p.q_max);
    if (stores && index < p.m) {
      ptx::st_global(static_cast<scale_t<TIn>*>(p.scale) + index, scale.act_scale);
    }
    return scale;
  }
};

/// Holds up to `kHeldChunks` chunks of a row in registers: every `threads`-th one from `thread` on.
template <class TIn>
class HeldChunks {
 public:
  __device__ HeldChunks(const Row<TIn>& row, unsigned thread, unsigned threads,
                        const RowOptions& options)
      : row_(row), thread_(thread), threads_(threads), options_(options) {
#pragma unroll
    for (int i = 0; i < kHeldChunks<TIn>; ++i) {
      if (first(i) < row_.k) load_chunk(chunk_[i], row_.x, first(i), row_.k, options_.x_aligned);
    }
  }

  __device__ typename Element<TIn>::Magnitude magnitude() const {
    typename Element<TIn>::Magnitude magnitude = 0;
#pragma unroll
    for (int i = 0; i < kHeldChunks<TIn>; ++i) {
      if (first(i) < row_.k) magnitude = max_magnitude(chunk_[i], magnitude);
    }
    return magnitude;
  }

  __device__ void quantize(const RowScale<scale_t<TIn>>& scale, int q_min, int q_max) const {
#pragma unroll
    for (int i = 0; i < kHeldChunks<TIn>; ++i) {
      if (first(i) < row_.k) {
        store_chunk(row_.q, first(i), row_.k, options_.q_aligned,
                    quantize_chunk(chunk_[i], scale, q_min, q_max));
      }
    }
  }

 private:
  /// Returns the row's element with which chunk `i` begins.
  __device__ std::int64_t first(int i) const {
    return std::int64_t{static_cast<unsigned>(i) * threads_ + thread_} * kChunkElements;
  }

  const Row<TIn>& row_;
  unsigned thread_;
  unsigned threads_;
  const RowOptions& options_;
  Chunk<TIn> chunk_[kHeldChunks<TIn>];
};

}  // namespace qlinear::kernels
