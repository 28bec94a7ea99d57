#include "failure.hpp"
#include "injection.hpp"
#include "runtime.hpp"
#include "text.hpp"

#include <emulated_device/launch_request.hpp>

#include <cuda_runtime_api.h>

#include <climits>
#include <new>
#include <optional>
#include <string>

namespace qlinear::emulated_device {
namespace {

using Verdict = std::optional<Failure>;

Verdict refuse(cudaError_t code, std::string reason) { return Failure{code, std::move(reason)}; }

Verdict check_extents(const LaunchRequest& launch) {
  const dim3& grid = launch.grid;
  const dim3& block = launch.block;
  if (volume(grid) == 0 || volume(block) == 0) {
    return refuse(cudaErrorInvalidConfiguration, "the grid or the block is empty");
  }
  if (grid.x > INT_MAX || grid.y > 65535 || grid.z > 65535) {
    return refuse(cudaErrorInvalidConfiguration,
                  "the grid is above the limit (2147483647,65535,65535)");
  }
  if (volume(block) > kMaxThreadsPerBlock || block.x > 1024 || block.y > 1024 || block.z > 64) {
    return refuse(cudaErrorInvalidConfiguration,
                  text("%zu threads in a block, at most %u in (1024,1024,64)",
                       static_cast<std::size_t>(volume(block)), kMaxThreadsPerBlock));
  }
  return std::nullopt;
}

Verdict check_resources(const LaunchRequest& launch, const FunctionAttributes& attributes) {
  if (launch.dynamic_shared_bytes > attributes.dynamic_shared_bytes) {
    return refuse(cudaErrorInvalidValue,
                  text("%zu bytes of dynamic shared memory, but cudaFuncSetAttribute allows this "
                       "kernel %zu",
                       launch.dynamic_shared_bytes, attributes.dynamic_shared_bytes));
  }
  if (launch.parameter_bytes > kMaxParameterBytes) {
    return refuse(cudaErrorInvalidValue, text("%zu bytes of parameters, at most %zu",
                                              launch.parameter_bytes, kMaxParameterBytes));
  }
  return std::nullopt;
}

Verdict check_cluster(const LaunchRequest& launch, const FunctionAttributes& attributes) {
  const std::uint64_t blocks = volume(launch.cluster);
  if (blocks == 1) return std::nullopt;
  const unsigned most = attributes.non_portable_cluster ? 16 : kMaxPortableClusterBlocks;
  if (settings().compute_capability < 90) {
    return refuse(cudaErrorNotSupported, "clusters need sm_90");
  }
  if (blocks == 0 || blocks > most) {
    return refuse(cudaErrorInvalidClusterSize,
                  "a cluster of " + to_string(launch.cluster) + text(" blocks, at most %u", most));
  }
  if (launch.grid.x % launch.cluster.x != 0 || launch.grid.y % launch.cluster.y != 0 ||
      launch.grid.z % launch.cluster.z != 0) {
    return refuse(cudaErrorInvalidConfiguration,
                  "the grid is no multiple of the cluster " + to_string(launch.cluster));
  }
  return std::nullopt;
}

Verdict check_programmatic(const LaunchRequest& launch) {
  if (!launch.programmatic_dependent || settings().compute_capability >= 90) return std::nullopt;
  return refuse(cudaErrorNotSupported, "programmatic dependent launch needs sm_90");
}

Verdict check(const LaunchRequest& launch, const FunctionAttributes& attributes) {
  if (Verdict verdict = check_extents(launch)) return verdict;
  if (Verdict verdict = check_resources(launch, attributes)) return verdict;
  if (Verdict verdict = check_cluster(launch, attributes)) return verdict;
  return check_programmatic(launch);
}

cudaError_t set_attribute(FunctionAttributes& attributes, cudaFuncAttribute attribute, int value) {
  const DeviceLimits& limits = *find_limits(settings().compute_capability);
  switch (attribute) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize:
      if (value < 0 || static_cast<std::size_t>(value) > limits.shared_bytes_per_block_optin) {
        return cudaErrorInvalidValue;
      }
      attributes.dynamic_shared_bytes = static_cast<std::size_t>(value);
      return cudaSuccess;
    case cudaFuncAttributePreferredSharedMemoryCarveout:
      return value >= -1 && value <= 100 ? cudaSuccess : cudaErrorInvalidValue;
    case cudaFuncAttributeNonPortableClusterSizeAllowed:
      attributes.non_portable_cluster = value != 0;
      return cudaSuccess;
    default:
      return cudaErrorNotSupported;
  }
}

}  // namespace

std::shared_ptr<void> argument_storage(std::size_t bytes, std::align_val_t alignment) {
  return {::operator new(bytes, alignment),
          [alignment](void* memory) { ::operator delete(memory, alignment); }};
}

cudaError_t launch(LaunchRequest request, cudaStream_t handle) {
  return api_call([&] {
    Stream* stream = runtime().find_stream(handle);
    const cudaError_t injected = injected_failure("cudaLaunchKernelExC");
    if (injected != cudaSuccess) return injected;
    if (stream == nullptr) {
      report(describe(request) + ": the stream does not exist");
      return cudaErrorInvalidResourceHandle;
    }
    // The runtime of CUDA 13 launches on the stream's device (driver 580), whatever device is
    // current. A capture takes kernels of any device.
    const int device = stream->capture == nullptr ? stream->device : current_device();
    if (const Verdict verdict =
            check(request, runtime().device(device).functions[request.function])) {
      report(describe(request) + ": " + verdict->message);
      return verdict->code;
    }
    const Edge edge = request.programmatic_dependent ? Edge::Programmatic : Edge::Full;
    Task task;
    task.type = cudaGraphNodeTypeKernel;
    task.launch = std::make_shared<const LaunchRequest>(std::move(request));
    return runtime().enqueue(*stream, std::move(task), edge);
  });
}

}  // namespace qlinear::emulated_device

using namespace qlinear::emulated_device;

extern "C" {

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  delay_function_attribute();
  const cudaError_t result = api_call([&] {
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    const cudaError_t injected = injected_failure("cudaFuncSetAttribute");
    if (injected != cudaSuccess) return injected;
    return set_attribute(runtime().device(current_device()).functions[function], attribute, value);
  });
  delay_function_attribute();
  return result;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* out, const void* function) {
  return api_call([&] {
    if (out == nullptr) return cudaErrorInvalidValue;
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    const FunctionAttributes& attributes = runtime().device(current_device()).functions[function];
    *out = cudaFuncAttributes{};
    out->maxThreadsPerBlock = static_cast<int>(kMaxThreadsPerBlock);
    out->maxDynamicSharedSizeBytes = static_cast<int>(attributes.dynamic_shared_bytes);
    out->ptxVersion = settings().compute_capability;
    out->binaryVersion = settings().compute_capability;
    return cudaSuccess;
  });
}

}  // extern "C"
