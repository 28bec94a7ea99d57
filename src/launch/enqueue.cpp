#include <launch/enqueue.hpp>

#include <base/format.hpp>

#include <cstdint>

namespace qlinear::detail {
namespace {

/// Explains the runtime's refusal of a stream of another device, or of one that no longer exists.
Status refused_stream(const char* kernel, cudaStream_t stream) {
  int plan_device = 0;
  (void)cudaGetDevice(&plan_device);
  const auto stream_device = device_of_stream(stream);
  if (stream_device.ok() && stream_device.value() != plan_device) {
    return {StatusCode::InvalidProblem,
            formatted("the plan was selected for device {} and the stream belongs to device {}: "
                      "select a plan with a stream of that device",
                      plan_device, stream_device.value())};
  }
  return {StatusCode::InvalidProblem,
          formatted("launching {} on device {} was refused because the stream is not one of that "
                    "device, or no longer exists: select a plan with the stream that runs it",
                    kernel, plan_device)};
}

Status launched(const char* kernel, cudaError_t error, cudaStream_t stream) {
  if (error == cudaSuccess) return {};
  if (error == cudaErrorInvalidResourceHandle) return refused_stream(kernel, stream);
  return {StatusCode::CudaError, formatted("launching {} failed: {} ({})", kernel,
                                           cudaGetErrorString(error), cudaGetErrorName(error))};
}

}  // namespace

PlanDevice::PlanDevice(cudaStream_t stream, int plan_device) : guard_(plan_device) {
  if (guard_.error() != cudaSuccess) {
    status_ = cuda_failure("cudaSetDevice", guard_.error());
  } else if (is_default_stream(stream) && guard_.previous() != plan_device) {
    status_ = {
        StatusCode::InvalidProblem,
        formatted("the plan was selected for device {} and this default stream is device {}'s: "
                  "select a plan while that device is current",
                  plan_device, guard_.previous())};
  }
}

kernels::QuantizeProblem quantize_problem(const DynamicRangeQuantizeDescriptor& descriptor,
                                          const QuantizeTensors& tensors,
                                          bool programmatic_dependent_launch) {
  return {.element = tensors.activation.element,
          .m = descriptor.m,
          .k = descriptor.k,
          .x = tensors.activation.data,
          .ldx = row_stride(tensors.activation),
          .q = static_cast<std::int8_t*>(tensors.quantized.data),
          .ldq = row_stride(tensors.quantized),
          .scale = tensors.scale.data,
          .q_min = descriptor.q_min,
          .q_max = descriptor.q_max,
          .programmatic_dependent = programmatic_dependent_launch,
          .gemm = {}};
}

Status enqueue_quantize(const QuantizeKernel& kernel, const kernels::QuantizeProblem& problem,
                        cudaStream_t stream) {
  if (problem.m == 0) return {};
  return launched(kernel.name, kernel.launch(problem, stream), stream);
}

Status enqueue_gemm(const GemmKernel& kernel, const kernels::GemmProblem& problem,
                    cudaStream_t stream) {
  if (problem.operands.m == 0 || problem.operands.n == 0) return {};
  return launched(kernel.name, kernel.launch(problem, stream), stream);
}

}  // namespace qlinear::detail
