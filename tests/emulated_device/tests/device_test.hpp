#pragma once

#include <runtime/launch.cuh>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#if __has_include(<emulated_device/emulated_device.hpp>)
#include <emulated_device/emulated_device.hpp>
#endif

// The tests of the emulated device share this. Those in files that include nothing of
// <emulated_device/...> also run on a GPU and must agree with it.

namespace qlinear::emulated_device::test {

/// Owns device memory of `size` elements.
template <class T>
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t size) : size_(size) {
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, size * sizeof(T)), cudaSuccess);
    data_ = static_cast<T*>(data);
  }
  explicit DeviceBuffer(const std::vector<T>& values) : DeviceBuffer(values.size()) {
    EXPECT_EQ(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice),
              cudaSuccess);
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() { cudaFree(data_); }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }

  /// Returns the contents once all earlier work in the default stream is done.
  std::vector<T> read() const {
    std::vector<T> values(size_);
    EXPECT_EQ(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost),
              cudaSuccess);
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

/// Returns major * 10 + minor of the current device.
inline int compute_capability() {
  int major = 0;
  int minor = 0;
  EXPECT_EQ(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), cudaSuccess);
  EXPECT_EQ(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), cudaSuccess);
  return major * 10 + minor;
}

/// Runs `test` with several seeds of the emulated device, or once on a GPU.
template <class Test>
void with_seeds([[maybe_unused]] std::uint64_t count, Test test) {
#if __has_include(<emulated_device/emulated_device.hpp>)
  for (std::uint64_t seed = 1; seed <= count && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "QLINEAR_EMULATED_SEED=" << seed);
    set_seed(seed);
    test();
  }
#else
  test();
#endif
}

/// Returns the same pseudo-random bytes everywhere.
inline std::vector<std::uint8_t> test_bytes(std::size_t count, std::uint32_t seed = 1) {
  std::vector<std::uint8_t> bytes(count);
  for (std::uint8_t& byte : bytes) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(seed >> 24);
  }
  return bytes;
}

inline kernels::LaunchConfig one_block(const char* name, unsigned threads,
                                       std::size_t shared_bytes = 0) {
  kernels::LaunchConfig config{name, dim3(1), dim3(threads)};
  config.dynamic_shared_bytes = shared_bytes;
  return config;
}

}  // namespace qlinear::emulated_device::test
