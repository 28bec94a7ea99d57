#pragma once

#include <cuda_runtime_api.h>
#include <harness/cuda_check.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qlinear::benchmark {

/// Owned device memory for `count` elements of `T`.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::int64_t count) : count_(count) {
    void* data = nullptr;
    check(cudaMalloc(&data, bytes()));
    data_.reset(static_cast<T*>(data));
  }

  T* data() const noexcept { return data_.get(); }
  std::int64_t count() const noexcept { return count_; }
  std::size_t bytes() const noexcept { return static_cast<std::size_t>(count_) * sizeof(T); }

 private:
  struct Free {
    void operator()(T* data) const noexcept { (void)cudaFree(data); }
  };
  std::unique_ptr<T, Free> data_;
  std::int64_t count_ = 0;
};

}  // namespace qlinear::benchmark
