#pragma once

#include <cuda_runtime_api.h>
#include <qlinear/fusion.hpp>
#include <qlinear/types.hpp>

#include <cstddef>
#include <cstdint>

// The dispatch in src/ and the launchers in kernels/ meet here. Pointers are erased; `element` and
// `weight_element` say what they point to. Strides count elements.

namespace qlinear::kernels {

inline constexpr std::int64_t kCacheLineBytes = 128;

/// What the GEMM reads first of its weights: `bytes` of each slice of K of each row.
struct WeightPrefetch {
  const void* weights = nullptr;
  std::int64_t ld = 0;  ///< The row stride, in bytes.
  /// Of gated weights, the distance of the first up from the first gate, in bytes; 0 of others.
  std::int64_t ups = 0;
  std::uint32_t rows = 0;  ///< Of gated weights, half of them gates and half ups.
  std::uint32_t slices = 0;
  std::uint32_t slice_bytes = 0;  ///< The distance of a slice from the one before it, in bytes.
  std::uint32_t bytes = 0;        ///< A multiple of the cache line.
  std::uint32_t blocks = 0;       ///< This many blocks share the work; 0 means no prefetch.
};

/// Limits a kernel's blocks per SM to an even share, by the shared memory that each asks for, so
/// that they do not pile up on the first SMs that have room.
struct EvenSpread {
  /// Spreads blocks over this many SMs; 0 lets them go where there is room.
  std::int32_t num_sms = 0;
  std::size_t shared_bytes = 0;  ///< An SM's shared memory.
};

/// What a quantize kernel does for the GEMM that follows it; nothing by default.
struct GemmPreparation {
  /// The tile counters of a split GEMM, which the kernel clears.
  std::uint32_t* counters = nullptr;
  std::int64_t counter_count = 0;
  /// The GEMM may read its weights before earlier kernels have ended.
  bool constant_weights = false;
  /// Blocks after those of the rows prefetch while earlier kernels still run.
  WeightPrefetch prefetch;
  EvenSpread spread;
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
  /// PDL: it may start before its predecessor in the stream has ended.
  bool programmatic_dependent;
  GemmPreparation gemm;
};

/// What is multiplied: a[M,K] by b[N,K].
struct GemmOperands {
  ElementKind element;  ///< The type of the activations before they were quantized.
  ElementKind weight_element;
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  const std::int8_t* a;
  std::int64_t lda;
  const void* b;
  std::int64_t ldb;
};

/// Zero points of activations and weights, whose part the epilogue takes out of the products; none
/// by default.
struct ZeroPointParameters {
  const std::int8_t* a_zero_point = nullptr;  ///< Null means none.
  std::int64_t a_zero_point_stride = 1;       ///< 0 means that all rows share one.
  const std::int32_t* b_sum = nullptr;        ///< The sums of the rows of b, with `a_zero_point`.
  const void* b_zero_point = nullptr;         ///< Of the weights' type. Null means none.
  const std::int32_t* a_sum = nullptr;        ///< The sums of the rows of a, with `b_zero_point`.
};

/// How the exact int32 products become c[M,N]. What is value-initialised is not done.
struct EpilogueParameters {
  const void* a_scale;
  std::int64_t a_scale_stride = 1;  ///< 0 means that all rows share one.
  const void* b_scale;
  const void* bias;  ///< Null means no bias.
  void* c;
  std::int64_t ldc;
  ZeroPointParameters zero_points;
  ActivationFunction activation = ActivationFunction::None;
  const void* routing_weight = nullptr;  ///< One of the compute type for each row.
  /// It may be `c`, with `ldc`: an element is read by the thread that writes it, before it does.
  const void* residual = nullptr;
  std::int64_t ldr = 0;
  /// b holds this many rows of gates and then as many of ups, and c has as many columns: the
  /// function `activation` of the gate times the up. N is then `interleaved_rows` of it, and there
  /// is no routing weight and no residual. 0 means that c has a column for each row of b.
  std::int64_t gate_rows = 0;

  /// Returns whether there is anything but scales and a bias. Kernels without options are chosen by
  /// it, so that it must know every one.
  bool has_options() const {
    return zero_points.a_zero_point != nullptr || zero_points.b_zero_point != nullptr ||
           activation != ActivationFunction::None || routing_weight != nullptr ||
           residual != nullptr || gate_rows != 0;
  }
};

/// How the work is divided.
struct GemmSchedule {
  std::int32_t num_sms;          ///< The device's SMs, or those that the plan is limited to.
  std::int32_t split_k = 1;      ///< The slices of K; 1 means no split.
  std::int64_t whole_tiles = 0;  ///< Tiles before this one are not split; see split_k.hpp.
  /// One counter for each split tile, zero at the start; unused without a split.
  std::uint32_t* counters = nullptr;
  std::int32_t* partial_sums = nullptr;  ///< 16-byte aligned; unused without a split.
};

/// When a kernel starts, and when it lets its successor in the stream start.
struct LaunchPolicy {
  /// PDL: it may start before its predecessor in the stream has ended, and then reads no operand
  /// but `b`.
  bool programmatic_dependent = false;
  /// PDL: it launches dependents after its last load rather than at once, so that what they
  /// prefetch queues after its own loads.
  bool launch_dependents_late = false;
};

/// c[M,N] from a[M,K], b[N,K] and the epilogue's operands.
struct GemmProblem {
  GemmOperands operands;
  EpilogueParameters epilogue;
  GemmSchedule schedule;
  LaunchPolicy launch;
};

using QuantizeLauncher = cudaError_t (*)(const QuantizeProblem&, cudaStream_t);
using GemmLauncher = cudaError_t (*)(const GemmProblem&, cudaStream_t);

}  // namespace qlinear::kernels
