#pragma once

#include "support/cuda_check.hpp"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace qlinear::quick_start {

/// `size` elements in memory of the current device.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t size) : size_(size) {
    void* data = nullptr;
    test::check(cudaMalloc(&data, size * sizeof(T)), "cudaMalloc");
    data_.reset(static_cast<T*>(data));
  }
  explicit DeviceArray(const std::vector<T>& host) : DeviceArray(host.size()) { upload(host); }

  T* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

  /// Precondition: `host` has `size()` elements.
  void upload(const std::vector<T>& host) const {
    test::check(cudaMemcpy(data(), host.data(), size_ * sizeof(T), cudaMemcpyHostToDevice),
                "cudaMemcpy to the device");
    // The copy may return before the data has arrived, and other streams do not wait for it.
    test::check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
  }
  std::vector<T> download() const {
    std::vector<T> host(size_);
    test::check(cudaMemcpy(host.data(), data(), size_ * sizeof(T), cudaMemcpyDeviceToHost),
                "cudaMemcpy to the host");
    return host;
  }

 private:
  struct Free {
    void operator()(T* data) const noexcept { static_cast<void>(cudaFree(data)); }
  };
  std::size_t size_;
  std::unique_ptr<T, Free> data_;
};

}  // namespace qlinear::quick_start
