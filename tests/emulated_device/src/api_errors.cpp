#include "runtime.hpp"

#include <cuda_runtime_api.h>

// cudaGetErrorName and cudaGetErrorString know the errors that the emulated device returns.

namespace {

struct ErrorText {
  cudaError_t error;
  const char* name;
  const char* text;
};

#define QLINEAR_EMULATED_ERROR(name, text) \
  { name, #name, text }

constexpr ErrorText kErrors[] = {
    QLINEAR_EMULATED_ERROR(cudaSuccess, "no error"),
    QLINEAR_EMULATED_ERROR(cudaErrorInvalidValue, "invalid argument"),
    QLINEAR_EMULATED_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    QLINEAR_EMULATED_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    QLINEAR_EMULATED_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    QLINEAR_EMULATED_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    QLINEAR_EMULATED_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    QLINEAR_EMULATED_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    QLINEAR_EMULATED_ERROR(cudaErrorNotReady, "device not ready"),
    QLINEAR_EMULATED_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    QLINEAR_EMULATED_ERROR(cudaErrorMisalignedAddress, "misaligned address"),
    QLINEAR_EMULATED_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    QLINEAR_EMULATED_ERROR(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    QLINEAR_EMULATED_ERROR(cudaErrorLaunchOutOfResources,
                           "too many resources requested for launch"),
    QLINEAR_EMULATED_ERROR(cudaErrorInvalidClusterSize, "the cluster size is invalid"),
    QLINEAR_EMULATED_ERROR(cudaErrorNotPermitted, "operation not permitted"),
    QLINEAR_EMULATED_ERROR(cudaErrorNotSupported, "operation not supported"),
    QLINEAR_EMULATED_ERROR(cudaErrorSymbolNotFound, "named symbol not found"),
    QLINEAR_EMULATED_ERROR(cudaErrorIllegalState,
                           "the operation cannot be performed in this state"),
    QLINEAR_EMULATED_ERROR(
        cudaErrorCapturedEvent,
        "operation not permitted on an event last recorded in a capturing stream"),
    QLINEAR_EMULATED_ERROR(cudaErrorStreamCaptureUnsupported,
                           "operation not permitted when stream is capturing"),
    QLINEAR_EMULATED_ERROR(cudaErrorStreamCaptureInvalidated,
                           "operation failed due to a previous error during capture"),
    QLINEAR_EMULATED_ERROR(cudaErrorStreamCaptureUnmatched,
                           "capture was not initiated in this stream"),
    QLINEAR_EMULATED_ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    QLINEAR_EMULATED_ERROR(cudaErrorStreamCaptureIsolation,
                           "dependency created on uncaptured work in another stream"),
    QLINEAR_EMULATED_ERROR(cudaErrorStreamCaptureImplicit,
                           "operation would make the legacy stream depend on a capturing stream"),
    QLINEAR_EMULATED_ERROR(cudaErrorStreamCaptureWrongThread,
                           "attempt to terminate a thread-local capture from another thread"),
};

#undef QLINEAR_EMULATED_ERROR

const ErrorText& find_text(cudaError_t error) {
  static constexpr ErrorText kUnknown = {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"};
  for (const ErrorText& entry : kErrors) {
    if (entry.error == error) return entry;
  }
  return kUnknown;
}

}  // namespace

using namespace qlinear::emulated_device;

extern "C" {

const char* cudaGetErrorName(cudaError_t error) { return find_text(error).name; }

const char* cudaGetErrorString(cudaError_t error) { return find_text(error).text; }

cudaError_t cudaPeekAtLastError() { return last_error(); }

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error();
  forget_last_error();
  return error;
}

}  // extern "C"
