#pragma once

#include <cuda_runtime_api.h>
#include <qlinear/status.hpp>

#include <cstddef>

namespace qlinear::detail {

/// What selection needs to know of a GPU.
struct DeviceInfo {
  int ordinal = 0;
  int architecture = 0;  ///< major * 10 + minor
  int multiprocessors = 0;
  std::size_t shared_bytes_per_block = 0;  ///< With opt-in.
  std::size_t l2_bytes = 0;
};

Status cuda_failure(const char* call, cudaError_t error);

/// The device on which work in `stream` runs; for the default streams, the current one.
Result<int> device_of_stream(cudaStream_t stream);

/// Facts of `device`, queried once a process. Unsupported where no compiled architecture runs
/// there.
Result<const DeviceInfo*> device_info(int device);

Result<const DeviceInfo*> device_info_of_stream(cudaStream_t stream);

/// Makes `device` current for a scope.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

  cudaError_t error() const { return error_; }

 private:
  int previous_ = -1;  ///< Device to return to; -1 for none.
  cudaError_t error_ = cudaSuccess;
};

}  // namespace qlinear::detail
