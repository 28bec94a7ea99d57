#pragma once

#include <kernels.hpp>
#include <qlinear/kernel_sku.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace qlinear::detail {

/// One row of the table of quantize kernels. Every row takes every activation type and alignment.
struct QuantizeKernel {
  const char* name;
  int architecture;  ///< Oldest compute capability, major * 10 + minor.
  std::int64_t (*max_k)(ElementKind element);
  kernels::QuantizeLauncher launch;
};

/// One row of the table of GEMM kernels. Every row takes every type pair and every M, N and K.
struct GemmKernel {
  const char* name;
  int architecture;
  bool architecture_specific;  ///< Runs on `architecture` only.
  KernelBackend backend;
  int alignment;  ///< Of operand pointers and row strides, in bytes: 16 or 1.
  int tile_m;
  int tile_n;
  int tile_k;
  std::size_t shared_bytes;  ///< Dynamic shared memory of a block.
  int blocks_per_multiprocessor;
  int max_split_k;
  double macs_per_clock;  ///< A multiprocessor's multiply-adds a clock in the main loop.
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
