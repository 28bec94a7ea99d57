#pragma once

#include <cuda_runtime_api.h>
#include <qlinear/types.hpp>

#include <cstddef>
#include <cstdint>

// Host interface between the dispatch in src/ and the launchers in kernels/. Pointers are erased;
// `element` and `weight_element` say what they are. Strides are in elements.

namespace qlinear::kernels {

inline constexpr std::int64_t kCacheLineBytes = 128;

/// What the GEMM reads first of its weights: `bytes` of each row, and those of each slice of K.
struct WeightPrefetch {
  const void* weights = nullptr;
  std::int64_t ld = 0;  ///< In bytes.
  std::uint32_t rows = 0;
  std::uint32_t slices = 0;
  std::uint32_t slice_bytes = 0;  ///< From one slice to the next.
  std::uint32_t bytes = 0;        ///< Whole lines of the cache.
  std::uint32_t blocks = 0;       ///< That share the work; 0 for no prefetch.
};

/// Keeps the blocks of a kernel from crowding on the first multiprocessors that have room: none
/// takes more than an even share of them, for want of shared memory.
struct EvenSpread {
  std::int32_t multiprocessors = 0;  ///< 0: blocks go where there is room.
  std::size_t shared_bytes = 0;      ///< Of a multiprocessor.
};

/// q[M,K], scale[M] from x[M,K].
struct QuantizeProblem {
  ElementKind element;
  std::int64_t m;
  std::int64_t k;
  const void* x;
  std::int64_t ldx;
  std::int8_t* q;
  std::int64_t ldq;
  void* scale;
  std::int32_t q_min;
  std::int32_t q_max;
  /// `zero_count` words that the kernel clears on the way: the tile counters of a split GEMM.
  std::uint32_t* zero;
  std::int64_t zero_count;
  bool programmatic_dependent;  ///< May start before its predecessor in the stream has ended.
  /// Behind it comes the GEMM, which may read its weights before the predecessors have ended.
  bool constant_weights;
  /// By blocks behind those of the rows, while kernels before this one still run.
  WeightPrefetch prefetch;
  EvenSpread spread;
};

/// c[M,N] from a[M,K], b[N,K] and the epilogue's operands.
struct GemmProblem {
  ElementKind element;
  ElementKind weight_element;
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  const std::int8_t* a;
  std::int64_t lda;
  const void* b;
  std::int64_t ldb;
  const void* a_scale;
  const void* b_scale;
  const void* bias;  ///< May be null.
  void* c;
  std::int64_t ldc;
  std::int32_t multiprocessors;  ///< Of the device, or what the plan is limited to.
  std::int32_t split_k;          ///< Slices of K, 1 for none.
  std::int64_t whole_tiles;      ///< Tiles before this one are not split; see split_k.hpp.
  std::uint32_t* counters;       ///< One a split tile, zero at the start; unused when not split.
  std::int32_t* partial_sums;    ///< 16-byte aligned; unused when not split.
  /// May start before its predecessor in the stream has ended, and then reads no operand but `b`.
  bool programmatic_dependent;
  /// Its own successor starts when all that it reads is on its way, rather than at once: so that
  /// what the successor prefetches comes behind.
  bool lets_successor_in_late;
};

using QuantizeLauncher = cudaError_t (*)(const QuantizeProblem&, cudaStream_t);
using GemmLauncher = cudaError_t (*)(const GemmProblem&, cudaStream_t);

}  // namespace qlinear::kernels
