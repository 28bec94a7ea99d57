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

/// One row of the table of quantize kernels. Every row takes every activation type and alignment.
struct QuantizeKernel {
  const char* name;
  KernelFamily family;
  int architecture;  ///< Oldest compute capability, major * 10 + minor.
  std::int64_t (*max_k)(ElementKind element);
  /// Blocks of the cluster that shares a row of `k`; null for a kernel that needs no clusters.
  int (*cluster_blocks)(std::int64_t k);
  kernels::QuantizeLauncher launch;
};

/// How the blocks that share a tile bring their slices of K together.
enum class SplitK : std::uint8_t {
  None,
  Workspace,  ///< Partial sums in the caller's workspace.
  Cluster,    ///< Distributed shared memory of a cluster.
};

/// What the cost model needs to know of a kernel; clocks are a multiprocessor's.
struct KernelCost {
  double stage_clocks = 0;  ///< Of a stage, if as many blocks as should share the multiprocessor;
  double lone_factor = 1;   ///< of a block alone where two should, as a multiple of that.
  double latency_clocks = 2300;  ///< Until a ring of stages that was asked for is there.
  double least_rings = 1;        ///< A block waits as for this part of a ring, however few stages.
  double store_clocks = 0.266;   ///< Of an element of a tile.
  double wave_clocks = 0;        ///< Of a wave of blocks beside its main loop and its stores.
  double uneven_share = 0.086;   ///< How much of an uneven share of the tiles is felt where memory
                                 ///< is what bounds.
  double half_used_factor = 1.034;  ///< Of memory's clocks, if half of the rings' room is idle.
  double split_reread = 0;  ///< Share of the weights that tiles next to each other along M read
                            ///< from memory again if K is split.
  double split_clocks = 0;  ///< Of bringing slices of K together, once,
  double wide_split_clocks = 0;  ///< once more if they are more than two,
  double split_sum_clocks = 0;   ///< and for each sum of a tile and each slice but one.
  double crowded_clocks = 0;     ///< With few tokens, if fewer multiprocessors than these are idle.
  double full_clocks = 0;        ///< If beside its blocks one of the quantize kernel finds no room.
  double l2_bytes_per_clock = 65.5;  ///< From the L2, of a multiprocessor's share.
  /// At the GPU's power limit, in clocks of full speed: energy of the products that a
  /// multiprocessor makes in one of them, and of a byte from the L2.
  double product_energy = 0;
  double l2_byte_energy = 0;
};

/// One row of the table of GEMM kernels. Every row takes every M, N and K.
struct GemmKernel {
  const char* name;
  KernelFamily family;
  kernels::TypePairs types;
  int architecture;
  bool architecture_specific;  ///< Runs on `architecture` only.
  KernelBackend backend;
  int alignment;            ///< Of operand pointers and row strides, in bytes: 16 or 1.
  std::int64_t max_extent;  ///< Largest M and N.
  int tile_m;
  int tile_n;
  int tile_k;
  int sharers;  ///< Blocks next to each other along M for which weights are loaded once.
  std::size_t shared_bytes;  ///< Dynamic shared memory of a block.
  std::size_t ring_bytes;    ///< Of them, what asynchronous copies can keep in flight.
  int blocks_per_multiprocessor;
  bool fills_multiprocessor;  ///< Beside its blocks one of the quantize kernel finds no room.
  bool spreads_weight_rows;   ///< Over its blocks, as `kernels::tile_weight_rows` has it.
  SplitK split;
  int max_split_k;
  KernelCost cost;
  kernels::GemmLauncher launch;
};

std::span<const QuantizeKernel> quantize_kernels();
std::span<const GemmKernel> gemm_kernels();

/// The row with that name, or null.
const QuantizeKernel* find_quantize_kernel(std::string_view name);
const GemmKernel* find_gemm_kernel(std::string_view name);

KernelSku make_sku(const QuantizeKernel& kernel, ElementKind element, ElementKind quantized);
KernelSku make_sku(const GemmKernel& kernel, ElementKind element, ElementKind weight);

}  // namespace qlinear::detail
