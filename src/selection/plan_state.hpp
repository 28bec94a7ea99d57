#pragma once

#include <qlinear/kernel_sku.hpp>
#include <qlinear/problem.hpp>

#include <cstddef>
#include <cstdint>

// What `select` finds and a plan holds. Plain values: plans keep their bytes.

namespace qlinear::detail {

struct QuantizeKernel;
struct GemmKernel;

struct QuantizeState {
  DynamicRangeQuantizeDescriptor descriptor;
  const QuantizeKernel* kernel = nullptr;
  int device = 0;
  bool programmatic_dependent_launch = false;
  KernelSku sku;
};

struct GemmChoice {
  const GemmKernel* kernel = nullptr;
  int split_k = 1;
  std::int64_t split_tiles = 0;  ///< Output tiles that a workspace is needed for, the last ones.
  std::size_t workspace_bytes = 0;
  /// Weights that the quantize kernel brings to the L2: of so many rows, and of each slice of K so
  /// many bytes.
  std::int64_t prefetched_rows = 0;
  std::int64_t prefetched_bytes = 0;
  bool limits_blocks_per_sm = false;  ///< The quantize kernel's blocks, evenly over the SMs.
  bool launches_early =
      true;  ///< PDL: the GEMM's blocks may launch while rows are still quantized.
  bool programmatic_dependent_launch = false;  ///< PDL: the GEMM waits by griddepcontrol.
};

struct LinearState {
  QuantizedLinearDescriptor descriptor;
  const QuantizeKernel* quantize_kernel = nullptr;  ///< None where the activation is given.
  GemmChoice aligned;  ///< Runs where pointers and row strides are 16-byte aligned,
  GemmChoice
      unaligned;  ///< and this one where they are not; no kernel if one that cannot is forced.
  int device = 0;
  int num_sms = 0;
  std::size_t shared_bytes_per_sm = 0;
  bool programmatic_dependent_launch = false;
  bool early_start_pays = false;  ///< The GEMM gains by reading constant weights early.
  bool constant_weights = false;  ///< They are promised and read early.
  KernelSku sku;
};

}  // namespace qlinear::detail
