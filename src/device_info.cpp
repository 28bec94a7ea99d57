#include <device_info.hpp>

#include <architectures.hpp>
#include <floating_point_environment.hpp>
#include <format.hpp>

#include <array>
#include <mutex>

namespace qlinear::detail {
namespace {

constexpr int kMaxDevices = 64;

struct CachedDevice {
  std::once_flag once;
  DeviceInfo info;
  Status status;
};

Status query(int device, DeviceInfo& info) {
  const auto attribute = [device](cudaDeviceAttr which, auto& value) {
    int result = 0;
    const cudaError_t error = cudaDeviceGetAttribute(&result, which, device);
    value = static_cast<std::remove_reference_t<decltype(value)>>(result);
    return error;
  };
  int major = 0;
  int minor = 0;
  double kilohertz = 0;
  double memory_kilohertz = 0;
  double memory_bits = 0;
  info.ordinal = device;
  for (const cudaError_t error :
       {attribute(cudaDevAttrComputeCapabilityMajor, major),
        attribute(cudaDevAttrComputeCapabilityMinor, minor),
        attribute(cudaDevAttrMultiProcessorCount, info.multiprocessors),
        attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, info.shared_bytes_per_block),
        attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor,
                  info.shared_bytes_per_multiprocessor)}) {
    if (error != cudaSuccess) return cuda_failure("cudaDeviceGetAttribute", error);
  }
  info.architecture = major * 10 + minor;
  // Where a driver does not tell the clocks, the cost model goes without.
  const bool clocks_known =
      attribute(cudaDevAttrClockRate, kilohertz) == cudaSuccess &&
      attribute(cudaDevAttrMemoryClockRate, memory_kilohertz) == cudaSuccess &&
      attribute(cudaDevAttrGlobalMemoryBusWidth, memory_bits) == cudaSuccess;
  constexpr double kTransfersPerClock = 2;
  if (clocks_known && kilohertz > 0) {
    info.memory_bytes_per_clock = with_default_floating_point(
        [&] { return memory_kilohertz * kTransfersPerClock * memory_bits / 8 / kilohertz; });
  }
  return {};
}

/// Fills in `clusters_at_once`. What the runtime does not tell stays 0.
void query_clusters(DeviceInfo& info) {
  constexpr int kFirstArchitectureWithClusters = 90;
  if (info.architecture < kFirstArchitectureWithClusters) return;
  const DeviceGuard guard(info.ordinal);
  if (guard.error() != cudaSuccess) return;
  for (std::size_t residents = 1; residents <= info.clusters_at_once.size(); ++residents) {
    auto& by_size = info.clusters_at_once[residents - 1];
    const std::size_t bytes =
        info.shared_bytes_per_multiprocessor / residents - kReservedSharedBytes;
    for (int size = 1; size <= kernels::kMaxClusterBlocks; ++size) {
      int& clusters = by_size[static_cast<std::size_t>(size)];
      if (kernels::clusters_at_once(size, bytes, clusters) != cudaSuccess) {
        clusters = 0;
        (void)cudaGetLastError();
      }
    }
  }
}

Status check_architecture(const DeviceInfo& info) {
  if (runs_on(QLINEAR_CUDA_ARCHITECTURES, info.architecture)) return {};
  return {StatusCode::Unsupported,
          formatted("device {} has compute capability {}.{}, and this qlinear was compiled for {}: "
                    "use a newer GPU, or rebuild with it in QLINEAR_CUDA_ARCHITECTURES (7.5 and "
                    "later are supported)",
                    info.ordinal, info.architecture / 10, info.architecture % 10,
                    QLINEAR_CUDA_ARCHITECTURES)};
}

}  // namespace

Status cuda_failure(const char* call, cudaError_t error) {
  return {StatusCode::CudaError, formatted("{} failed: {} ({})", call, cudaGetErrorString(error),
                                           cudaGetErrorName(error))};
}

bool is_default_stream(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

Result<int> device_of_stream(cudaStream_t stream) {
  int device = 0;
  bool follows_current = is_default_stream(stream);
  if (!follows_current) {
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    const cudaError_t error = cudaStreamIsCapturing(stream, &capture);
    if (error != cudaSuccess) return cuda_failure("cudaStreamIsCapturing", error);
    follows_current = capture != cudaStreamCaptureStatusNone;
  }
  const cudaError_t error =
      follows_current ? cudaGetDevice(&device) : cudaStreamGetDevice(stream, &device);
  if (error != cudaSuccess) {
    return cuda_failure(follows_current ? "cudaGetDevice" : "cudaStreamGetDevice", error);
  }
  return device;
}

Result<const DeviceInfo*> device_info(int device) {
  static std::array<CachedDevice, kMaxDevices> cache;
  if (device < 0 || device >= kMaxDevices) {
    return Status(StatusCode::Unsupported,
                  formatted("device {} is beyond the {} devices that qlinear keeps track of",
                            device, kMaxDevices));
  }
  CachedDevice& cached = cache[static_cast<std::size_t>(device)];
  std::call_once(cached.once, [&] {
    cached.status = query(device, cached.info);
    if (cached.status.ok()) cached.status = check_architecture(cached.info);
    if (cached.status.ok()) query_clusters(cached.info);
  });
  if (!cached.status.ok()) return cached.status;
  return &cached.info;
}

Result<const DeviceInfo*> device_info_of_stream(cudaStream_t stream) {
  const auto device = device_of_stream(stream);
  if (!device.ok()) return device.status();
  return device_info(device.value());
}

DeviceGuard::DeviceGuard(int device) : current_(device) {
  error_ = cudaGetDevice(&current_);
  if (error_ != cudaSuccess || current_ == device) return;
  error_ = cudaSetDevice(device);
  changed_ = error_ == cudaSuccess;
}

DeviceGuard::~DeviceGuard() {
  if (changed_) (void)cudaSetDevice(current_);
}

}  // namespace qlinear::detail
