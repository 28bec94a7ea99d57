#pragma once

#include <common/problems.hpp>
#include <common/type_pairs.hpp>
#include <device/kernel_families.hpp>
#include <qlinear/kernel_sku.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace qlinear::detail {

/// A row of the table of quantize kernels. Every row takes every activation type and alignment.
struct QuantizeKernel {
  const char* name;
  KernelFamily family;
  int architecture;  ///< The oldest compute capability that runs it, as major * 10 + minor.
  std::int64_t (*max_k)(ElementKind element);
  /// Returns how many blocks form the cluster that shares a row of `k`. Null for a kernel without
  /// clusters.
  int (*cluster_blocks)(std::int64_t k);
  kernels::QuantizeLauncher launch;
};

/// Says how blocks that share a tile combine their slices of K.
enum class SplitK : std::uint8_t {
  None,
  Workspace,  ///< Partial sums go through the caller's workspace.
  Cluster,    ///< Partial sums go through the cluster's distributed shared memory.
};

/// What the cost model knows of a kernel. Clocks are those of one SM.
struct KernelCost {
  /// Clocks of a stage where an SM holds as many blocks as the kernel intends.
  double stage_clocks = 0;
  /// A block alone on an SM where two should run takes this many times as long.
  double lone_factor = 1;
  /// Clocks from the request for a whole pipeline of stages until it has arrived.
  double latency_clocks = 2300;
  /// A block waits for at least this part of a pipeline, however few stages it has.
  double least_pipelines = 1;
  double store_clocks = 0.266;  ///< Clocks to store an element of a tile.
  double wave_clocks = 0;       ///< Clocks that a wave adds to its main loops and stores.
  /// How much of the unevenness of the blocks shows in a memory-bound kernel.
  double uneven_share = 0.086;
  /// Memory takes this many times as long where half of the pipelines' shared memory is idle.
  double half_used_factor = 1.034;
  /// With a split K, neighbours along M read this share of the weights from memory again.
  double split_reread = 0;
  double split_clocks = 0;       ///< Clocks that combining slices of K costs once.
  double wide_split_clocks = 0;  ///< Clocks that combining more than two slices adds.
  double split_sum_clocks = 0;   ///< Clocks for each accumulator of a tile and each slice but one.
  /// Clocks that few tokens add where the GEMM leaves fewer SMs idle than there are tokens.
  double few_idle_sms_clocks = 0;
  /// Clocks that are added where no quantize block fits beside the kernel's blocks.
  double no_quantize_block_clocks = 0;
  double l2_bytes_per_clock = 65.5;  ///< Bytes that one SM's share of the L2 delivers in a clock.
  /// At the power limit, the products that an SM computes in a clock cost this many clocks of full
  /// speed.
  double product_energy = 0;
  /// At the power limit, a byte from the L2 costs this many clocks of full speed.
  double l2_byte_energy = 0;
};

/// A row of the table of GEMM kernels. Every row takes every M, N and K.
struct GemmKernel {
  const char* name;
  KernelFamily family;
  kernels::TypePairs types;
  int architecture;
  bool architecture_specific;  ///< It runs on `architecture` only.
  KernelBackend backend;
  int alignment;            ///< Operand pointers and row strides need it, in bytes: 16 or 1.
  std::int64_t max_extent;  ///< The largest M and N that it takes.
  int tile_m;
  int tile_n;
  int tile_k;
  /// Cluster size along M: that many blocks receive one multicast load of the weights.
  int cluster_m;
  std::size_t shared_bytes;  ///< A block's dynamic shared memory.
  std::size_t
      pipeline_bytes;  ///< The part of `shared_bytes` that asynchronous copies keep in flight.
  int blocks_per_sm;
  bool fills_sm;  ///< No quantize block fits on an SM beside its blocks.
  /// A tile may compute fewer rows than `tile_n`: see `kernels::tile_weight_rows`.
  bool spreads_weight_rows;
  SplitK split;
  int max_split_k;
  KernelCost cost;
  kernels::GemmLauncher launch;
};

std::span<const QuantizeKernel> quantize_kernels();
std::span<const GemmKernel> gemm_kernels();

/// Finds a row by its name; null if there is none.
const QuantizeKernel* find_quantize_kernel(std::string_view name);
const GemmKernel* find_gemm_kernel(std::string_view name);

KernelSku make_sku(const QuantizeKernel& kernel, ElementKind element, ElementKind quantized);
KernelSku make_sku(const GemmKernel& kernel, ElementKind element, ElementKind weight);

}  // namespace qlinear::detail
