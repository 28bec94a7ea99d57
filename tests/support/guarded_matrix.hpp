#pragma once

#include "cuda_check.hpp"
#include "host_matrix.hpp"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace qlinear::test {

/// Device memory of `bytes` bytes on the current device.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
    if (bytes != 0) check(cudaMalloc(&data_, bytes), "cudaMalloc");
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceBuffer() {
    if (data_ != nullptr) static_cast<void>(cudaFree(data_));
  }

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

  /// Returns when the bytes have arrived: a copy from pageable memory may return before, and the
  /// tests' streams do not wait for the default stream.
  void upload(const void* host) const {
    check(cudaMemcpy(data_, host, bytes_, cudaMemcpyHostToDevice), "cudaMemcpy to the device");
    check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
  }
  void download(void* host) const {
    check(cudaMemcpy(host, data_, bytes_, cudaMemcpyDeviceToHost), "cudaMemcpy to the host");
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Where a matrix lies in its allocation, in elements.
struct Placement {
  std::int64_t padding = 0;  ///< Behind each row.
  std::int64_t offset = 0;   ///< Of the first element from a 256-byte boundary.
  /// No guard bands, and none of the last row's padding: a read beyond the last element leaves the
  /// allocation, which the emulated device, AddressSanitizer and compute-sanitizer notice.
  bool tight = false;
};

/// Bytes that a correct kernel neither reads nor leaves in an output. As floating-point numbers
/// the first are NaNs and the second finite.
inline constexpr std::uint8_t kNanPoison = 0xff;
inline constexpr std::uint8_t kFinitePoison = 0x5a;

/// A matrix in device memory, between two guard bands unless it is tight. Everything but its
/// elements is poison and must stay so: bands, the gap before the first element, and the padding
/// behind each row.
template <class T>
class GuardedMatrix {
 public:
  /// The elements are poison, too.
  GuardedMatrix(std::int64_t rows, std::int64_t cols, Placement placement, std::uint8_t poison)
      : rows_(rows),
        cols_(cols),
        placement_(placement),
        image_(image_bytes(), poison),
        buffer_(image_.size()) {
    buffer_.upload(image_.data());
  }

  GuardedMatrix(const HostMatrix<T>& values, Placement placement, std::uint8_t poison)
      : GuardedMatrix(values.rows(), values.cols(), placement, poison) {
    upload(values);
  }

  void upload(const HostMatrix<T>& values) {
    for (std::int64_t r = 0; r < rows_; ++r) {
      if (cols_ != 0) std::memcpy(image_.data() + row_byte(r), values.row(r), row_bytes());
    }
    buffer_.upload(image_.data());
  }

  HostMatrix<T> download() const {
    const std::vector<std::uint8_t> bytes = downloaded_image();
    HostMatrix<T> values(rows_, cols_);
    for (std::int64_t r = 0; r < rows_; ++r) {
      if (cols_ != 0) std::memcpy(values.row(r), bytes.data() + row_byte(r), row_bytes());
    }
    return values;
  }

  T* data() const {
    return reinterpret_cast<T*>(static_cast<std::uint8_t*>(buffer_.data()) + row_byte(0));
  }
  // Without rows and columns it stands for a tensor that the case lacks.
  TensorRef<T, 2> ref() const { return mut(); }
  TensorMut<T, 2> mut() const {
    if (is_none()) return {};
    return {data(), {rows_, cols_}, {stride(), 1}};
  }
  TensorRef<T, 1> vector_ref() const { return vector_mut(); }
  TensorMut<T, 1> vector_mut() const {
    if (is_none()) return {};
    return {data(), {cols_}, {1}};
  }

  /// Not a byte differs from what the constructor or `upload` put there.
  ::testing::AssertionResult untouched(const char* name) const {
    return compare(name, downloaded_image());
  }

  /// As `untouched`, but the elements may have changed.
  ::testing::AssertionResult guards_intact(const char* name) const {
    std::vector<std::uint8_t> bytes = downloaded_image();
    for (std::int64_t r = 0; r < rows_; ++r) {
      if (cols_ == 0) break;
      std::memcpy(bytes.data() + row_byte(r), image_.data() + row_byte(r), row_bytes());
    }
    return compare(name, bytes);
  }

 private:
  bool is_none() const { return rows_ == 0 && cols_ == 0; }
  std::size_t guard_bytes() const { return placement_.tight ? 0 : 512; }
  std::size_t image_bytes() const {
    std::int64_t elements = placement_.offset + rows_ * stride();
    if (placement_.tight && rows_ > 0) elements -= placement_.padding;
    return 2 * guard_bytes() + static_cast<std::size_t>(elements) * sizeof(T);
  }
  std::int64_t stride() const { return cols_ + placement_.padding; }
  std::size_t row_bytes() const { return static_cast<std::size_t>(cols_) * sizeof(T); }
  std::size_t row_byte(std::int64_t row) const {
    return guard_bytes() + static_cast<std::size_t>(placement_.offset + row * stride()) * sizeof(T);
  }

  std::vector<std::uint8_t> downloaded_image() const {
    std::vector<std::uint8_t> bytes(image_.size());
    buffer_.download(bytes.data());
    return bytes;
  }

  ::testing::AssertionResult compare(const char* name,
                                     const std::vector<std::uint8_t>& bytes) const {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == image_[i]) continue;
      return ::testing::AssertionFailure()
             << name << ": byte " << static_cast<std::int64_t>(i - row_byte(0))
             << " from the first element (" << rows_ << "x" << cols_ << ", row stride " << stride()
             << ", elements of " << sizeof(T) << " bytes) was overwritten: " << int{bytes[i]}
             << " instead of " << int{image_[i]};
    }
    return ::testing::AssertionSuccess();
  }

  std::int64_t rows_;
  std::int64_t cols_;
  Placement placement_;
  std::vector<std::uint8_t> image_;  ///< What the allocation held before the run.
  DeviceBuffer buffer_;
};

}  // namespace qlinear::test
