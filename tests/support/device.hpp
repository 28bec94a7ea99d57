#pragma once

#include "cuda_check.hpp"

#include <qlinear/kernel_sku.hpp>

#include <cuda_runtime_api.h>

#include <string_view>
#include <utility>

namespace qlinear::test {

/// A stream of the current device that does not synchronise with the legacy default stream.
class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream"); }
  Stream(Stream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&&) = delete;
  ~Stream() {
    if (stream_ != nullptr) static_cast<void>(cudaStreamDestroy(stream_));
  }

  operator cudaStream_t() const { return stream_; }
  void synchronize() const { check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

 private:
  cudaStream_t stream_ = nullptr;
};

/// Compute capability of the current device as major * 10 + minor.
inline int device_architecture() {
  int device = 0;
  int major = 0;
  int minor = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "major");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "minor");
  return major * 10 + minor;
}

/// Whether machine code or PTX of `architectures`, as CMake writes them, runs on a GPU of compute
/// capability `architecture`.
bool holds_code_for(std::string_view architectures, int architecture);

/// Whether the current device is new enough for `sku`, the very one it needs where it is specific
/// to an architecture, and one that it was compiled for.
inline bool architecture_fits(const KernelSku& sku) {
  const int architecture = device_architecture();
  return holds_code_for(sku.compiled_for, architecture) &&
         (sku.architecture_specific ? architecture == sku.architecture
                                    : architecture >= sku.architecture);
}

/// Whether the library must run `sku` here when forced: the architecture fits, and so does a
/// block's shared memory, which generations of one architecture do not agree on.
bool runs_here(const KernelSku& sku);

}  // namespace qlinear::test
