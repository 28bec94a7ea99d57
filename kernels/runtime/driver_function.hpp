#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <atomic>

namespace qlinear::kernels {

/// A function of the CUDA driver. The runtime looks it up at the first call, so that nothing links
/// libcuda; a failure to find it is not remembered.
template <class Signature>
class DriverFunction {
 public:
  /// `version` names the first driver in which the function has this signature.
  constexpr DriverFunction(const char* name, unsigned version) : name_(name), version_(version) {}

  /// Calls it. The driver's and the runtime's codes of one error are the same number.
  template <class... Args>
  cudaError_t operator()(Args... args) {
    Signature* function = known_.load(std::memory_order_acquire);
    if (function == nullptr) {
      if (const cudaError_t error = find(function); error != cudaSuccess) return error;
    }
    return static_cast<cudaError_t>(function(args...));
  }

 private:
  cudaError_t find(Signature*& function) {
    void* address = nullptr;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    const cudaError_t error =
        cudaGetDriverEntryPointByVersion(name_, &address, version_, cudaEnableDefault, &found);
    if (error != cudaSuccess) return error;
    if (found != cudaDriverEntryPointSuccess) return cudaErrorSymbolNotFound;
    function = reinterpret_cast<Signature*>(address);
    known_.store(function, std::memory_order_release);
    return cudaSuccess;
  }

  const char* name_;
  unsigned version_;
  std::atomic<Signature*> known_{nullptr};
};

}  // namespace qlinear::kernels
