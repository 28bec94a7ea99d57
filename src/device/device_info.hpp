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

/// What selection needs to know of a GPU.
struct DeviceInfo {
  int ordinal = 0;
  int architecture = 0;     ///< major * 10 + minor
  KernelFamilies families;  ///< That run there.
  int multiprocessors = 0;
  bool limited = false;                    ///< To fewer multiprocessors than the GPU has.
  std::size_t shared_bytes_per_block = 0;  ///< With opt-in.
  std::size_t shared_bytes_per_multiprocessor = 0;
  double memory_bytes_per_clock =
      0;  ///< Of a multiprocessor's clock, by the memory's clock and width.
  /// Clusters of [.][n] blocks that run at once where a multiprocessor holds one block, and where
  /// it holds two; 0 where there are none or the runtime does not tell.
  std::array<std::array<int, kernels::kMaxClusterBlocks + 1>, 2> clusters_at_once{};
};

Status cuda_failure(const char* call, cudaError_t error);

/// Whether `stream` is one of the default streams, which follow the current device.
bool is_default_stream(cudaStream_t stream);

/// The device on which work in `stream` runs, also while `stream` is being captured.
Result<int> device_of_stream(cudaStream_t stream);

/// Facts of `device`, queried until an answer came, which is remembered. Unsupported where no
/// compiled architecture runs there.
Result<const DeviceInfo*> device_info(int device);

/// As `device_info`, of the device of `stream`. Leaves no error in the runtime that was not there.
Result<const DeviceInfo*> device_info_of_stream(cudaStream_t stream);

/// `device` as it would be with `max_sms` multiprocessors, where that is fewer than it has.
DeviceInfo limited_to(const DeviceInfo& device, int max_sms);

/// Makes `device` current for a scope.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

  cudaError_t error() const { return error_; }
  /// The device that was current before.
  int previous() const { return current_; }

 private:
  int current_;
  bool changed_ = false;
  cudaError_t error_ = cudaSuccess;
};

}  // namespace qlinear::detail
