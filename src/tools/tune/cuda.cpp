#include "tune/cuda.hpp"

#include "support/failure.hpp"

#include <fmt/format.h>
#include <cstdlib>

namespace qlinear::tools {

void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  throw Failure(fmt::format("CUDA: {}: {}", cudaGetErrorName(error), cudaGetErrorString(error)));
}

Gpu current_gpu() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    throw Failure(
        fmt::format("there is no GPU here ({}); `nvidia-smi` tells whether the driver sees "
                    "one",
                    error == cudaSuccess ? "no device" : cudaGetErrorString(error)));
  }
  int device = 0;
  check(cudaGetDevice(&device));
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device));
  Gpu gpu;
  gpu.name = properties.name;
  gpu.major = properties.major;
  gpu.minor = properties.minor;
  gpu.sms = properties.multiProcessorCount;
  gpu.l2_bytes = static_cast<std::size_t>(properties.l2CacheSize);
  gpu.memory_bytes = properties.totalGlobalMem;
  gpu.emulated = gpu.name.find("emulated device") != std::string::npos;
  return gpu;
}

DeviceMemory::DeviceMemory(std::size_t bytes) : bytes_(bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes > 0 ? bytes : 1));
  memory_.reset(static_cast<std::byte*>(memory));
}

Stream::Stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  stream_.reset(stream);
}

void forget_forced_kernels() {
  (void)unsetenv("QLINEAR_KERNEL");
  (void)unsetenv("QLINEAR_QUANTIZE_KERNEL");
}

}  // namespace qlinear::tools
