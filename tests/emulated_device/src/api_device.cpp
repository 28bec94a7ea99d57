#include "injection.hpp"
#include "runtime.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <optional>

using namespace qlinear::emulated_device;

namespace {

cudaError_t check_device(int ordinal) {
  if (settings().devices == 0) return cudaErrorNoDevice;
  return ordinal >= 0 && ordinal < settings().devices ? cudaSuccess : cudaErrorInvalidDevice;
}

/// A thread block cluster does not leave a graphics processing cluster. GPUs differ in how pairs of
/// SMs are spread over these; here they are spread evenly.
constexpr int kGpcs = 8;

const DeviceLimits& limits() { return *find_limits(settings().compute_capability); }

/// Returns an attribute, the same for all devices; empty for one that is not modelled.
std::optional<int> attribute_value(cudaDeviceAttr attribute) {
  const int capability = settings().compute_capability;
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      return capability / 10;
    case cudaDevAttrComputeCapabilityMinor:
      return capability % 10;
    case cudaDevAttrMultiProcessorCount:
      return settings().num_sms;
    case cudaDevAttrWarpSize:
      return kWarpSize;
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      return static_cast<int>(kMaxThreadsPerBlock);
    case cudaDevAttrMaxBlockDimZ:
      return 64;
    case cudaDevAttrMaxGridDimX:
      return INT_MAX;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      return 65535;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return limits().threads_per_sm;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      return limits().blocks_per_sm;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return static_cast<int>(kDefaultSharedBytes);
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return static_cast<int>(limits().shared_bytes_per_block_optin);
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return static_cast<int>(limits().shared_bytes_per_sm);
    case cudaDevAttrReservedSharedMemoryPerBlock:
      return capability >= 80 ? static_cast<int>(kReservedSharedBytes) : 0;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      return 65536;
    case cudaDevAttrL2CacheSize:
      return settings().l2_bytes;
    case cudaDevAttrClockRate:
      return 1'980'000;  // An H200 has it and the next two, in kHz and bits.
    case cudaDevAttrMemoryClockRate:
      return 3'201'000;
    case cudaDevAttrGlobalMemoryBusWidth:
      return 6144;
    case cudaDevAttrClusterLaunch:
      return capability >= 90 ? 1 : 0;
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrMemoryPoolsSupported:
      return 1;
    case cudaDevAttrIntegrated:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrCooperativeLaunch:
      return 0;
    default:
      return std::nullopt;
  }
}

int value_of(cudaDeviceAttr attribute) { return *attribute_value(attribute); }

cudaDeviceProp properties() {
  cudaDeviceProp out{};
  std::snprintf(out.name, sizeof(out.name), "qlinear emulated device (sm_%d)",
                settings().compute_capability);
  out.totalGlobalMem = kDeviceBytes;
  out.major = value_of(cudaDevAttrComputeCapabilityMajor);
  out.minor = value_of(cudaDevAttrComputeCapabilityMinor);
  out.multiProcessorCount = value_of(cudaDevAttrMultiProcessorCount);
  out.warpSize = kWarpSize;
  out.maxThreadsPerBlock = value_of(cudaDevAttrMaxThreadsPerBlock);
  out.maxThreadsDim[0] = value_of(cudaDevAttrMaxBlockDimX);
  out.maxThreadsDim[1] = value_of(cudaDevAttrMaxBlockDimY);
  out.maxThreadsDim[2] = value_of(cudaDevAttrMaxBlockDimZ);
  out.maxGridSize[0] = value_of(cudaDevAttrMaxGridDimX);
  out.maxGridSize[1] = value_of(cudaDevAttrMaxGridDimY);
  out.maxGridSize[2] = value_of(cudaDevAttrMaxGridDimZ);
  out.maxThreadsPerMultiProcessor = value_of(cudaDevAttrMaxThreadsPerMultiProcessor);
  out.maxBlocksPerMultiProcessor = value_of(cudaDevAttrMaxBlocksPerMultiprocessor);
  out.sharedMemPerBlock = kDefaultSharedBytes;
  out.sharedMemPerBlockOptin = limits().shared_bytes_per_block_optin;
  out.sharedMemPerMultiprocessor = limits().shared_bytes_per_sm;
  out.reservedSharedMemPerBlock =
      static_cast<std::size_t>(value_of(cudaDevAttrReservedSharedMemoryPerBlock));
  out.regsPerBlock = value_of(cudaDevAttrMaxRegistersPerBlock);
  out.regsPerMultiprocessor = value_of(cudaDevAttrMaxRegistersPerMultiprocessor);
  out.l2CacheSize = settings().l2_bytes;
  out.concurrentKernels = 1;
  out.unifiedAddressing = 1;
  out.memoryPoolsSupported = 1;
  return out;
}

int sms_of_gpc(int gpc) {
  const int pairs = settings().num_sms / 2;
  return 2 * (pairs / kGpcs + (gpc < pairs % kGpcs ? 1 : 0));
}

/// Returns the blocks of the cluster that `config` asks for.
int cluster_blocks(const cudaLaunchConfig_t& config) {
  unsigned blocks = 1;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    if (attribute.id != cudaLaunchAttributeClusterDimension) continue;
    blocks = attribute.val.clusterDim.x * attribute.val.clusterDim.y * attribute.val.clusterDim.z;
  }
  return static_cast<int>(blocks);
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  if (count == nullptr) return remember(cudaErrorInvalidValue);
  *count = settings().devices;
  return *count == 0 ? remember(cudaErrorNoDevice) : cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  if (device == nullptr) return remember(cudaErrorInvalidValue);
  if (settings().devices == 0) return remember(cudaErrorNoDevice);
  if (const cudaError_t error = injected_failure("cudaGetDevice"); error != cudaSuccess) {
    return error;
  }
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (check_device(device) != cudaSuccess) return remember(check_device(device));
  set_current_device(device);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (value == nullptr) return remember(cudaErrorInvalidValue);
  if (check_device(device) != cudaSuccess) return remember(check_device(device));
  if (const cudaError_t error = injected_failure("cudaDeviceGetAttribute"); error != cudaSuccess) {
    return error;
  }
  const std::optional<int> found = attribute_value(attribute);
  if (!found) return remember(cudaErrorNotSupported);
  *value = *found;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int device) {
  if (out == nullptr) return remember(cudaErrorInvalidValue);
  if (check_device(device) != cudaSuccess) return remember(check_device(device));
  *out = properties();
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  return api_call([] {
    if (const cudaError_t error = check_not_capturing(); error != cudaSuccess) return error;
    return runtime().synchronise_device(current_device());
  });
}

cudaError_t cudaDeviceReset() {
  const cudaError_t result = api_call([] {
    if (const cudaError_t error = check_not_capturing(); error != cudaSuccess) return error;
    runtime().reset_device(current_device());
    return cudaSuccess;
  });
  if (result == cudaSuccess) set_has_context(false);
  return result;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  if (version == nullptr) return remember(cudaErrorInvalidValue);
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* /*function*/,
                                                          int block_size,
                                                          std::size_t dynamic_shared_bytes) {
  if (blocks == nullptr || block_size < 1) return remember(cudaErrorInvalidValue);
  const auto reserved = static_cast<std::size_t>(value_of(cudaDevAttrReservedSharedMemoryPerBlock));
  const std::size_t shared = dynamic_shared_bytes + reserved;
  const int warps = (block_size + kWarpSize - 1) / kWarpSize;
  int result = limits().blocks_per_sm;
  result = std::min(result, limits().threads_per_sm / (warps * kWarpSize));
  if (shared > 0) {
    result = std::min(result, static_cast<int>(limits().shared_bytes_per_sm / shared));
  }
  if (block_size > static_cast<int>(kMaxThreadsPerBlock)) result = 0;
  *blocks = result;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void* function,
                                           const cudaLaunchConfig_t* config) {
  if (clusters == nullptr || config == nullptr) return remember(cudaErrorInvalidValue);
  if (const cudaError_t error = injected_failure("cudaOccupancyMaxActiveClusters");
      error != cudaSuccess) {
    return error;
  }
  const int size = cluster_blocks(*config);
  if (settings().compute_capability < 90) return remember(cudaErrorNotSupported);
  if (size < 1 || size > static_cast<int>(kMaxPortableClusterBlocks)) {
    return remember(cudaErrorInvalidClusterSize);
  }
  const dim3& block = config->blockDim;
  int blocks = 0;
  const cudaError_t error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      &blocks, function, static_cast<int>(block.x * block.y * block.z), config->dynamicSmemBytes);
  if (error != cudaSuccess) return error;
  *clusters = 0;
  for (int gpc = 0; gpc < kGpcs; ++gpc) *clusters += sms_of_gpc(gpc) * blocks / size;
  return cudaSuccess;
}

}  // extern "C"
