#include <enqueue.hpp>

#include <fmt/format.h>

namespace qlinear::detail {
namespace {

Status launched(const char* kernel, cudaError_t error) {
  if (error == cudaSuccess) return {};
  (void)cudaGetLastError();
  return {StatusCode::CudaError, fmt::format("launching {} failed: {} ({})", kernel,
                                             cudaGetErrorString(error), cudaGetErrorName(error))};
}

}  // namespace

StreamDevice::StreamDevice(cudaStream_t stream, int plan_device) {
  const auto device = device_of_stream(stream);
  if (!device.ok()) {
    status_ = device.status();
  } else if (device.value() != plan_device) {
    status_ = {
        StatusCode::InvalidProblem,
        fmt::format("the plan was selected for device {} and the stream belongs to device {}: "
                    "select a plan with a stream of that device",
                    plan_device, device.value())};
  } else {
    guard_.emplace(plan_device);
    if (guard_->error() != cudaSuccess) status_ = cuda_failure("cudaSetDevice", guard_->error());
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
