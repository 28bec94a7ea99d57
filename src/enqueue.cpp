#include <enqueue.hpp>

#include <fmt/format.h>

namespace qlinear::detail {
namespace {

Status launched(const char* kernel, cudaError_t error) {
  if (error == cudaSuccess) return {};
  (void)cudaGetLastError();
  if (error == cudaErrorInvalidResourceHandle) {
    return {StatusCode::InvalidProblem,
            fmt::format("launching {} was refused because the stream does not belong to the plan's "
                        "device, or no longer exists: select a plan with a stream of that device",
                        kernel)};
  }
  return {StatusCode::CudaError, fmt::format("launching {} failed: {} ({})", kernel,
                                             cudaGetErrorString(error), cudaGetErrorName(error))};
}

}  // namespace

PlanDevice::PlanDevice(cudaStream_t stream, int plan_device) : guard_(plan_device) {
  if (guard_.error() != cudaSuccess) {
    status_ = cuda_failure("cudaSetDevice", guard_.error());
  } else if (is_default_stream(stream) && guard_.previous() != plan_device) {
    status_ = {
        StatusCode::InvalidProblem,
        fmt::format("the plan was selected for device {} and this default stream is device {}'s: "
                    "select a plan while that device is current",
                    plan_device, guard_.previous())};
  }
}

Status enqueue_quantize(const QuantizeKernel& kernel, const kernels::QuantizeProblem& problem,
                        cudaStream_t stream) {
  if (problem.m == 0) return {};
  return launched(kernel.name, kernel.launch(problem, stream));
}

Status enqueue_gemm(const GemmKernel& kernel, const kernels::GemmProblem& problem,
                    cudaStream_t stream) {
  if (problem.m == 0 || problem.n == 0) return {};
  return launched(kernel.name, kernel.launch(problem, stream));
}

}  // namespace qlinear::detail
