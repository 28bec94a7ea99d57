#pragma once

#include <device_info.hpp>
#include <kernel_table.hpp>
#include <qlinear/problem.hpp>

namespace qlinear::detail {

/// Counters and partial sums of a GEMM whose K is split into `split_k` slices; 0 where it keeps
/// none.
std::size_t split_workspace_bytes(const GemmKernel& kernel,
                                  const QuantizedLinearDescriptor& problem, int split_k);

/// Blocks of `kernel` that run at once if K is split into `split_k` slices.
std::int64_t blocks_at_once(const GemmKernel& kernel, const DeviceInfo& device, int split_k);

/// Expected clocks of `kernel` on `problem`, for comparing kernels with each other.
double expected_clocks(const GemmKernel& kernel, const DeviceInfo& device,
                       const QuantizedLinearDescriptor& problem, int split_k);

}  // namespace qlinear::detail
