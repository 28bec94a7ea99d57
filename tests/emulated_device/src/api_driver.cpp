#include "runtime.hpp"
#include "tensor_map.hpp"

#include <cuda_runtime_api.h>

#include <cstring>

using namespace qlinear::emulated_device;

extern "C" {

/// The emulated driver has one function.
cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned version,
                                             unsigned long long flags,
                                             cudaDriverEntryPointQueryResult* result) {
  constexpr unsigned kFirstVersion = 12000;
  return api_call([&] {
    if (symbol == nullptr || function == nullptr) return cudaErrorInvalidValue;
    if (flags != cudaEnableDefault) return cudaErrorNotSupported;
    *function = nullptr;
    auto found = cudaDriverEntryPointSymbolNotFound;
    if (std::strcmp(symbol, "cuTensorMapEncodeTiled") == 0) {
      found = version < kFirstVersion ? cudaDriverEntryPointVersionNotSufficent
                                      : cudaDriverEntryPointSuccess;
    }
    if (found == cudaDriverEntryPointSuccess) *function = reinterpret_cast<void*>(&encode_tiled);
    if (result != nullptr) *result = found;
    return cudaSuccess;
  });
}

}  // extern "C"
