#pragma once

#include <common/problems.hpp>
#include <common/type_pairs.hpp>
#include <device/kernel_families.hpp>
#include <qlinear/kernel_sku.hpp>
#include <quantize/fused_problem.hpp>
#include <selection/cost_parameters.hpp>

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
  std::int64_t (*max_k)(ElementKind element);  ///< -1: it takes none.
  /// Returns how many blocks form the cluster that shares a row of `k`. Null for a kernel without
  /// clusters.
  int (*cluster_blocks)(std::int64_t k);
  kernels::QuantizeLauncher launch;
  /// The same with sources, scales and outputs that a plain pass does not have.
  std::int64_t (*fused_max_k)(ElementKind element, SourceKind source);
  kernels::FusedQuantizeLauncher launch_fused;
  bool uses_shared_memory = false;  ///< It keeps rows there.
};

/// Says how blocks that share a tile combine their slices of K.
enum class SplitK : std::uint8_t {
  None,
  Workspace,  ///< Partial sums go through the caller's workspace.
  Cluster,    ///< Partial sums go through the cluster's distributed shared memory.
};

/// A row of the table of GEMM kernels. Every row takes every M, N and K.
struct GemmKernel {
  const char* name;
  KernelFamily family;
  kernels::TypePairs types;
  int architecture;
  bool architecture_specific;  ///< It runs on `architecture` only.
  KernelBackend backend;
  int alignment;                   ///< Operand pointers and row strides need it, in bytes: 16 or 1.
  std::int64_t max_extent;         ///< The largest M and N that it takes.
  std::int64_t gate_multiple = 1;  ///< It takes gated outputs of a multiple of so many columns.
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
  const FamilyCost* cost;  ///< What the cost model knows of the kernels like it.
  /// Clocks in which shared memory delivers the operands of a stage, where that may be the limit.
  double operand_clocks;
  /// Clocks of a stage where an SM holds as many blocks as the kernel intends.
  double stage_clocks;
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
