#include <device/device_info.hpp>

#include <base/floating_point_environment.hpp>
#include <base/format.hpp>
#include <device/architectures.hpp>
#include <device/callers_error.hpp>
#include <runtime/driver_function.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

namespace qlinear::detail {
namespace {

constexpr int kMaxDevices = 64;

struct CachedDevice {
  std::mutex mutex;
  std::atomic<bool> known{false};
  DeviceInfo info;
};

/// Returns whether `error` means that the runtime does not know, now or later.
bool is_not_told(cudaError_t error) {
  return error == cudaErrorNotSupported || error == cudaErrorInvalidValue ||
         error == cudaErrorInvalidConfiguration || error == cudaErrorInvalidClusterSize;
}

/// Reads attributes of a device until one fails.
class AttributeReader {
 public:
  explicit AttributeReader(int device) : device_(device) {}

  template <class Value>
  void read(cudaDeviceAttr which, Value& value) {
    int result = 0;
    if (error_ == cudaSuccess) error_ = cudaDeviceGetAttribute(&result, which, device_);
    value = static_cast<Value>(result);
  }
  cudaError_t error() const { return error_; }

 private:
  int device_;
  cudaError_t error_ = cudaSuccess;
};

cudaError_t query_architecture(DeviceInfo& info) {
  int major = 0;
  int minor = 0;
  AttributeReader attributes(info.ordinal);
  attributes.read(cudaDevAttrComputeCapabilityMajor, major);
  attributes.read(cudaDevAttrComputeCapabilityMinor, minor);
  attributes.read(cudaDevAttrMultiProcessorCount, info.num_sms);
  attributes.read(cudaDevAttrMaxSharedMemoryPerBlockOptin, info.shared_bytes_per_block);
  attributes.read(cudaDevAttrMaxSharedMemoryPerMultiprocessor, info.shared_bytes_per_sm);
  info.architecture = major * 10 + minor;
  info.families = families_on(info.architecture);
  info.programmatic_families = families_with_programmatic_launch(info.architecture);
  return attributes.error();
}

/// Leaves the memory's rate at 0 where the driver does not report clocks: the cost model then
/// assumes one.
cudaError_t query_memory(DeviceInfo& info) {
  constexpr double kTransfersPerClock = 2;
  double kilohertz = 0;
  double memory_kilohertz = 0;
  double memory_bits = 0;
  AttributeReader attributes(info.ordinal);
  attributes.read(cudaDevAttrClockRate, kilohertz);
  attributes.read(cudaDevAttrMemoryClockRate, memory_kilohertz);
  attributes.read(cudaDevAttrGlobalMemoryBusWidth, memory_bits);
  if (attributes.error() != cudaSuccess) {
    return is_not_told(attributes.error()) ? cudaSuccess : attributes.error();
  }
  if (kilohertz > 0) {
    info.memory_bytes_per_clock = with_default_floating_point(
        [&] { return memory_kilohertz * kTransfersPerClock * memory_bits / 8 / kilohertz; });
  }
  return cudaSuccess;
}

/// Fills in `clusters_at_once`; counts that the runtime does not report stay 0.
cudaError_t query_clusters(DeviceInfo& info) {
  constexpr int kFirstArchitectureWithClusters = 90;
  if (info.architecture < kFirstArchitectureWithClusters) return cudaSuccess;
  const DeviceGuard guard(info.ordinal);
  if (guard.error() != cudaSuccess) return guard.error();
  for (std::size_t residents = 1; residents <= info.clusters_at_once.size(); ++residents) {
    auto& by_size = info.clusters_at_once[residents - 1];
    const std::size_t bytes = info.shared_bytes_per_sm / residents - kReservedSharedBytes;
    for (int size = 1; size <= kernels::kMaxClusterBlocks; ++size) {
      int& clusters = by_size[static_cast<std::size_t>(size)];
      const cudaError_t error = kernels::clusters_at_once(size, bytes, clusters);
      if (error == cudaSuccess) continue;
      clusters = 0;
      if (!is_not_told(error)) return error;
    }
  }
  return cudaSuccess;
}

Status query(int device, DeviceInfo& info) {
  info.ordinal = device;
  cudaError_t error = query_architecture(info);
  if (error == cudaSuccess) error = query_memory(info);
  if (error != cudaSuccess) return cuda_failure("cudaDeviceGetAttribute", error);
  if (Status status = check_architecture(QLINEAR_CUDA_ARCHITECTURES, device, info.architecture);
      !status.ok()) {
    return status;
  }
  error = query_clusters(info);
  return error == cudaSuccess ? Status() : cuda_failure("cudaOccupancyMaxActiveClusters", error);
}

/// Calls `query` until a first call succeeds. A failure may pass, so it is not remembered.
Status query_once(int device, CachedDevice& cached) {
  const std::lock_guard lock(cached.mutex);
  if (cached.known.load(std::memory_order_relaxed)) return {};
  const CallersError callers;
  DeviceInfo info;
  Status status = query(device, info);
  callers.clear_ours();
  if (!status.ok()) return status;
  cached.info = info;
  cached.known.store(true, std::memory_order_release);
  return status;
}

cudaError_t context_of_stream(cudaStream_t stream, CUcontext& context) {
  static kernels::DriverFunction<CUresult(CUstream, CUcontext*)> get_context("cuStreamGetCtx",
                                                                             9020);
  return get_context(stream, &context);
}

/// Finds the device of a stream that is being captured through the stream's context, since
/// cudaStreamGetDevice would end the capture.
cudaError_t device_of_capturing_stream(cudaStream_t stream, int& device) {
  using kernels::DriverFunction;
  static DriverFunction<CUresult(CUcontext)> push("cuCtxPushCurrent", 4000);
  static DriverFunction<CUresult(CUdevice*)> get_device("cuCtxGetDevice", 2000);
  static DriverFunction<CUresult(CUcontext*)> pop("cuCtxPopCurrent", 4000);
  CUcontext context = nullptr;
  if (const cudaError_t error = context_of_stream(stream, context); error != cudaSuccess) {
    return error;
  }
  if (const cudaError_t error = push(context); error != cudaSuccess) return error;
  const cudaError_t error = get_device(&device);
  CUcontext pushed = nullptr;
  const cudaError_t popped = pop(&pushed);
  return error != cudaSuccess ? error : popped;
}

Status unknown_device_of_capture(cudaError_t error) {
  return {StatusCode::CudaError,
          formatted("the driver does not tell the device of a stream that is being captured: {} "
                    "({}); select the plan before the capture begins",
                    cudaGetErrorString(error), cudaGetErrorName(error))};
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
  if (is_default_stream(stream)) {
    const cudaError_t error = cudaGetDevice(&device);
    if (error != cudaSuccess) return cuda_failure("cudaGetDevice", error);
    return device;
  }
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  cudaError_t error = cudaStreamIsCapturing(stream, &capture);
  if (error != cudaSuccess) return cuda_failure("cudaStreamIsCapturing", error);
  if (capture != cudaStreamCaptureStatusNone) {
    error = device_of_capturing_stream(stream, device);
    if (error != cudaSuccess) return unknown_device_of_capture(error);
    return device;
  }
  error = cudaStreamGetDevice(stream, &device);
  if (error != cudaSuccess) return cuda_failure("cudaStreamGetDevice", error);
  return device;
}

Status check_device_of_stream(cudaStream_t stream, int device) {
  static kernels::DriverFunction<CUresult(CUcontext*)> get_current("cuCtxGetCurrent", 4000);
  static const bool is_lone = [] {
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess && count == 1;
  }();
  if (is_lone) return {};
  CUcontext context = nullptr;
  CUcontext current = nullptr;
  cudaError_t error = context_of_stream(stream, context);
  if (error == cudaErrorInvalidResourceHandle) return {};  // The launch tells of it.
  if (error != cudaSuccess) return cuda_failure("cuStreamGetCtx", error);
  error = get_current(&current);
  if (error != cudaSuccess) return cuda_failure("cuCtxGetCurrent", error);
  if (context == current) return {};
  // A device may have several contexts, such as that of a green context.
  const auto found = device_of_stream(stream);
  if (!found.ok()) return found.status();
  if (found.value() == device) return {};
  return {StatusCode::InvalidProblem,
          formatted("the plan was selected for device {} and the stream belongs to device {}: "
                    "select a plan with a stream of that device",
                    device, found.value())};
}

Result<const DeviceInfo*> device_info(int device) {
  static std::array<CachedDevice, kMaxDevices> cache;
  if (device < 0 || device >= kMaxDevices) {
    return Status(StatusCode::Unsupported,
                  formatted("device {} is beyond the {} devices that qlinear keeps track of",
                            device, kMaxDevices));
  }
  CachedDevice& cached = cache[static_cast<std::size_t>(device)];
  if (!cached.known.load(std::memory_order_acquire)) {
    if (Status status = query_once(device, cached); !status.ok()) return status;
  }
  return &cached.info;
}

Result<const DeviceInfo*> device_info_of_stream(cudaStream_t stream) {
  const CallersError callers;
  const auto device = device_of_stream(stream);
  if (!device.ok()) {
    callers.clear_ours();
    return device.status();
  }
  return device_info(device.value());
}

DeviceInfo limited_to(const DeviceInfo& device, int max_sms) {
  DeviceInfo limited = device;
  if (max_sms >= device.num_sms) return limited;
  limited.limited = true;
  limited.num_sms = max_sms;
  for (std::size_t residents = 1; residents <= limited.clusters_at_once.size(); ++residents) {
    for (int size = 1; size <= kernels::kMaxClusterBlocks; ++size) {
      int& clusters = limited.clusters_at_once[residents - 1][static_cast<std::size_t>(size)];
      // Not to 0, which means that such clusters do not run at all.
      const int most = std::max(1, max_sms * static_cast<int>(residents) / size);
      clusters = std::min(clusters, most);
    }
  }
  return limited;
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
