#pragma once

#include <cuda_runtime_api.h>

namespace qlinear::detail {

/// Keeps our failures out of the runtime's last error, which is the caller's to read. The runtime
/// holds one error a thread, and a failure replaces it: what was pending before stays pending,
/// perhaps as our error instead of the caller's.
class CallersError {
 public:
  /// Before the calls of the runtime that may fail.
  CallersError() noexcept : pending_(cudaPeekAtLastError() != cudaSuccess) {}

  /// After a failure among them.
  void clear_ours() const noexcept {
    if (!pending_) (void)cudaGetLastError();
  }

 private:
  bool pending_;
};

}  // namespace qlinear::detail
