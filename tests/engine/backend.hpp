#pragma once

#include "steps.hpp"

#include <qlinear/problem.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::engine {

using LinearArgs = QuantizedLinearArgs<float, S8>;

/// Where a model runs. Work is done in the order of the calls, on memory that `allocate` returned.
/// Every member throws Error.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual std::string name() const = 0;
  /// Returns memory, 256-byte aligned, that lives as long as this.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void write(void* to, const void* from, std::size_t bytes) = 0;
  virtual void read(void* to, const void* from, std::size_t bytes) = 0;
  virtual void linear(const QuantizedLinearDescriptor& descriptor, const LinearArgs& args) = 0;
  virtual void step(const Step& step) = 0;
  /// Returns a function that does what `work` does each time it is called.
  virtual std::function<void()> record(std::function<void()> work) = 0;

  template <class T>
  T* array(std::size_t count) {
    return static_cast<T*>(allocate(count * sizeof(T)));
  }
  template <class T>
  T* upload(const T* values, std::size_t count) {
    T* const memory = array<T>(count);
    write(memory, values, count * sizeof(T));
    return memory;
  }
  template <class T>
  T* upload(const std::vector<T>& values) {
    return upload(values.data(), values.size());
  }
};

/// `qlinear::reference` over host memory.
std::unique_ptr<Backend> reference_backend(int threads);

struct DeviceOptions {
  std::string kernel;  ///< Forces a GEMM kernel; empty leaves the choice to the library.
  bool graphs = true;  ///< Records are CUDA graphs, and not work that is enqueued again.
};

/// Plans and kernels on the current device: a GPU, or the emulated device.
std::unique_ptr<Backend> device_backend(const DeviceOptions& options = {});

}  // namespace qlinear::engine
