#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

namespace qlinear::tools {

/// Throws a Failure with the runtime's text.
void check(cudaError_t error);

/// The GPU that is current, as a tuning table and a reader need it.
struct Gpu {
  std::string name;
  int major = 0;
  int minor = 0;
  int sms = 0;
  std::size_t l2_bytes = 0;
  std::size_t memory_bytes = 0;
  bool emulated = false;  ///< The emulated device, whose times mean nothing.
};

/// Throws a Failure where there is none.
Gpu current_gpu();

/// Makes `select` choose for itself in this process: clears QLINEAR_KERNEL and
/// QLINEAR_QUANTIZE_KERNEL of the environment.
void forget_forced_kernels();

/// Bytes of device memory.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t bytes);
  std::byte* data() const noexcept { return memory_.get(); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept { (void)cudaFree(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t bytes_ = 0;
};

class Stream {
 public:
  Stream();
  cudaStream_t get() const noexcept { return stream_.get(); }

 private:
  struct Destroy {
    void operator()(cudaStream_t stream) const noexcept { (void)cudaStreamDestroy(stream); }
  };
  std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Destroy> stream_;
};

}  // namespace qlinear::tools
