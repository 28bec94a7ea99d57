#include "injection.hpp"
#include "runtime.hpp"
#include "tensor_map.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>

// Only cudaGetDriverEntryPointByVersion hands out these functions of the emulated driver.

using namespace qlinear::emulated_device;

namespace {

/// Takes the lock around a call of the driver. cudaGetLastError does not know its errors.
template <class Call>
CUresult driver_call(Call call) {
  if (settings().devices == 0) return CUDA_ERROR_NOT_INITIALIZED;
  const std::lock_guard lock(runtime().mutex);
  return call();
}

CUcontext context_of(int device) { return reinterpret_cast<CUcontext>(&runtime().device(device)); }

/// Returns the device of a primary context, the only kind there is; -1 for anything else.
int device_of(CUcontext context) {
  for (int device = 0; device < settings().devices; ++device) {
    if (context == context_of(device)) return device;
  }
  return -1;
}

std::vector<int>& pushed_devices() {
  thread_local std::vector<int> devices;
  return devices;
}

CUresult get_current_context(CUcontext* out) {
  return driver_call([&] {
    *out = has_context() ? context_of(current_device()) : nullptr;
    return CUDA_SUCCESS;
  });
}

CUresult get_context_id(CUcontext context, unsigned long long* id) {
  return driver_call([&] {
    const int device = device_of(context);
    if (device < 0) return CUDA_ERROR_INVALID_CONTEXT;
    *id = runtime().device(device).context_id;
    return CUDA_SUCCESS;
  });
}

CUresult push_context(CUcontext context) {
  return driver_call([&] {
    const int device = device_of(context);
    if (device < 0) return CUDA_ERROR_INVALID_CONTEXT;
    pushed_devices().push_back(current_device());
    set_current_device(device);
    return CUDA_SUCCESS;
  });
}

CUresult pop_context(CUcontext* out) {
  return driver_call([&] {
    if (pushed_devices().empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (out != nullptr) *out = context_of(current_device());
    set_current_device(pushed_devices().back());
    pushed_devices().pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult get_context_device(CUdevice* device) {
  return driver_call([&] {
    *device = current_device();
    return CUDA_SUCCESS;
  });
}

CUresult get_stream_context(CUstream handle, CUcontext* out) {
  return driver_call([&] {
    const Stream* stream = runtime().find_stream(handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    *out = context_of(stream->device);
    return CUDA_SUCCESS;
  });
}

struct DriverFunction {
  const char* name;
  unsigned first_version;
  void* address;
};

const DriverFunction* find_function(const char* name) {
  static const DriverFunction kFunctions[] = {
      {"cuCtxGetCurrent", 4000, reinterpret_cast<void*>(&get_current_context)},
      {"cuCtxGetDevice", 2000, reinterpret_cast<void*>(&get_context_device)},
      {"cuCtxGetId", 12000, reinterpret_cast<void*>(&get_context_id)},
      {"cuCtxPopCurrent", 4000, reinterpret_cast<void*>(&pop_context)},
      {"cuCtxPushCurrent", 4000, reinterpret_cast<void*>(&push_context)},
      {"cuStreamGetCtx", 9020, reinterpret_cast<void*>(&get_stream_context)},
      {"cuTensorMapEncodeTiled", 12000, reinterpret_cast<void*>(&encode_tiled)},
  };
  const auto* found =
      std::find_if(std::begin(kFunctions), std::end(kFunctions),
                   [&](const auto& entry) { return std::strcmp(entry.name, name) == 0; });
  return found == std::end(kFunctions) ? nullptr : found;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned version,
                                             unsigned long long flags,
                                             cudaDriverEntryPointQueryResult* result) {
  return api_call([&] {
    if (symbol == nullptr || function == nullptr) return cudaErrorInvalidValue;
    if (flags != cudaEnableDefault) return cudaErrorNotSupported;
    const cudaError_t injected = injected_failure("cudaGetDriverEntryPointByVersion");
    if (injected != cudaSuccess) return injected;
    *function = nullptr;
    auto found = cudaDriverEntryPointSymbolNotFound;
    if (const DriverFunction* known = find_function(symbol)) {
      found = version < known->first_version ? cudaDriverEntryPointVersionNotSufficent
                                             : cudaDriverEntryPointSuccess;
      if (found == cudaDriverEntryPointSuccess) *function = known->address;
    }
    if (result != nullptr) *result = found;
    return cudaSuccess;
  });
}

}  // extern "C"
