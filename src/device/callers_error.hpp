#pragma once

#include <cuda_runtime_api.h>

namespace qlinear::detail {

/// Keeps our failures out of the runtime's last error, which is the caller's to read. The runtime
/// holds one error a thread, and a failure replaces it: an error that was pending stays pending,
/// perhaps as ours instead of the caller's.
class CallersError {
 public:
  /// Construct it before the runtime calls that may fail.
  CallersError() noexcept : pending_(cudaPeekAtLastError() != cudaSuccess) {}

  /// Call it after one of them failed.
  void clear_ours() const noexcept {
    if (!pending_) (void)cudaGetLastError();
  }

 private:
  bool pending_;
};

}  // namespace qlinear::detail
