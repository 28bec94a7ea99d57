#pragma once

#include <cuda_runtime_api.h>
#include <device/kernel_families.hpp>
#include <qlinear/status.hpp>
#include <runtime/cluster_occupancy.hpp>
#include <runtime/shared_memory.hpp>

#include <array>
#include <cstddef>

namespace qlinear::detail {

using kernels::kReservedSharedBytes;

/// The facts of a GPU that selection needs.
struct DeviceInfo {
  int ordinal = 0;
  int architecture = 0;                  ///< major * 10 + minor
  KernelFamilies families;               ///< The families that run on it.
  KernelFamilies programmatic_families;  ///< The families that may be launched with PDL on it.
  int num_sms = 1;
  bool limited = false;                    ///< To fewer SMs than the GPU has.
  std::size_t shared_bytes_per_block = 0;  ///< The opt-in limit of dynamic shared memory.
  std::size_t shared_bytes_per_sm = 0;
  /// Bytes that memory nominally delivers in one clock of an SM, from the memory's clock and width.
  double memory_bytes_per_clock = 0;
  /// Clusters of n blocks that run at once, at [0][n] with one block per SM and at [1][n] with two.
  /// 0 where the GPU runs none or the runtime does not report them.
  std::array<std::array<int, kernels::kMaxClusterBlocks + 1>, 2> clusters_at_once{};
};

Status cuda_failure(const char* call, cudaError_t error);

/// Returns whether `stream` is one of the default streams, which follow the current device.
bool is_default_stream(cudaStream_t stream);

/// Returns the device on which work in `stream` runs, even while `stream` is being captured.
Result<int> device_of_stream(cudaStream_t stream);

/// Refuses a created stream of another device than `device`, a plan's, which is current. A runtime
/// of CUDA 13 launches on the stream's device, whatever device is current. On a machine with one
/// device it costs nothing.
Status check_device_of_stream(cudaStream_t stream, int device);

/// Returns the facts of `device`, which are queried until a query succeeds and then remembered.
/// Errors: Unsupported where no compiled architecture runs there; CudaError.
Result<const DeviceInfo*> device_info(int device);

/// Returns `device_info` of the device of `stream`. Leaves no new error in the runtime.
Result<const DeviceInfo*> device_info_of_stream(cudaStream_t stream);

/// `device` as it would be with `max_sms` SMs, where that is fewer than it has.
DeviceInfo limited_to(const DeviceInfo& device, int max_sms);

/// Makes `device` current for a scope.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

  cudaError_t error() const { return error_; }
  /// Returns the device that was current before.
  int previous() const { return current_; }

 private:
  int current_;
  bool changed_ = false;
  cudaError_t error_ = cudaSuccess;
};

}  // namespace qlinear::detail
