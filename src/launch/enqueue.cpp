#include <launch/enqueue.hpp>

#include <base/format.hpp>
#include <launch/nvtx_range.hpp>
#include <validation/plain_pass.hpp>

#include <cstdint>

namespace qlinear::detail {
namespace {

/// Explains the runtime's refusal of a stream that no longer exists.
Status refused_stream(const char* kernel) {
  int plan_device = 0;
  (void)cudaGetDevice(&plan_device);
  return {StatusCode::InvalidProblem,
          formatted("launching {} on device {} was refused because the stream is not one of that "
                    "device, or no longer exists: select a plan with the stream that runs it",
                    kernel, plan_device)};
}

/// Calls `launch_kernel()`, which launches `kernel`.
template <class Launch>
Status launch(const char* kernel, const Launch& launch_kernel) {
  const NvtxRange range(kernel);
  const cudaError_t error = launch_kernel();
  if (error == cudaSuccess) return {};
  if (error == cudaErrorInvalidResourceHandle) return refused_stream(kernel);
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
  } else if (!is_default_stream(stream)) {
    status_ = check_device_of_stream(stream, plan_device);
  }
}

namespace {

kernels::SourceParameters source_parameters(const SourceDescriptor& source,
                                            const SourceViews& tensors) {
  return {.kind = source.kind,
          .function = source.function,
          .unit_offset = source.unit_offset,
          .norm_weight_in_compute_type = source.norm_weight_in_compute_type,
          .residual_in_compute_type = source.residual_in_compute_type,
          .eps = source.eps,
          .column_factor = tensors.column_factor.data,
          .norm_weight = tensors.norm_weight.data,
          .norm_bias = tensors.norm_bias.data,
          .residual = tensors.residual.data,
          .ld_residual = row_stride(tensors.residual),
          .residual_out = tensors.residual_out.data,
          .ld_residual_out = row_stride(tensors.residual_out),
          .normed_out = tensors.normed_out.data,
          .ld_normed_out = row_stride(tensors.normed_out)};
}

kernels::ScaleParameters scale_parameters(const DynamicRangeQuantizeDescriptor& descriptor,
                                          const QuantizeOptionViews& tensors) {
  const bool zero_points = has_zero_points(descriptor.scale);
  return {
      .kind = descriptor.scale.kind,
      .range_max = tensors.scale_from.range_max.data,
      .range_min = tensors.scale_from.range_min.data,
      .scale = tensors.scale_from.scale.data,
      .scale_step = step_over_rows(tensors.scale_from.scale),
      .zero_point = static_cast<const std::int8_t*>(tensors.scale_from.zero_point.data),
      .zero_point_step = step_over_rows(tensors.scale_from.zero_point),
      .zero_point_out = zero_points ? static_cast<std::int8_t*>(tensors.zero_point.data) : nullptr,
      .sum_out = descriptor.sums ? static_cast<std::int32_t*>(tensors.sum.data) : nullptr};
}

}  // namespace

QuantizePass quantize_pass(const DynamicRangeQuantizeDescriptor& descriptor,
                           const QuantizeOperands& operands, bool programmatic_dependent_launch) {
  QuantizePass pass{.rows = {.element = operands.activation.element,
                             .m = descriptor.m,
                             .k = descriptor.k,
                             .x = operands.activation.data,
                             .ldx = row_stride(operands.activation),
                             .q = static_cast<std::int8_t*>(operands.quantized.data),
                             .ldq = row_stride(operands.quantized),
                             .scale = operands.scale.data,
                             .q_min = descriptor.q_min,
                             .q_max = descriptor.q_max,
                             .programmatic_dependent = programmatic_dependent_launch,
                             .gemm = {}},
                    .options = std::nullopt};
  if (is_plain(descriptor)) return pass;
  pass.options = {source_parameters(descriptor.source, operands.options.source),
                  scale_parameters(descriptor, operands.options)};
  return pass;
}

Status enqueue_quantize(const QuantizeKernel& kernel, const QuantizePass& pass,
                        cudaStream_t stream) {
  if (pass.rows.m == 0) return {};
  const auto& options = pass.options;
  return launch(kernel.name, [&] {
    return options ? kernel.launch_fused({pass.rows, options->source, options->scale}, stream)
                   : kernel.launch(pass.rows, stream);
  });
}

Status enqueue_gemm(const GemmKernel& kernel, const kernels::GemmProblem& problem,
                    cudaStream_t stream) {
  if (problem.operands.m == 0 || problem.operands.n == 0) return {};
  return launch(kernel.name, [&] { return kernel.launch(problem, stream); });
}

Status enqueue_dequantize(const kernels::DequantizeProblem& problem, cudaStream_t stream) {
  if (problem.m == 0 || problem.k == 0) return {};
  return launch("dequantize", [&] { return kernels::launch_dequantize(problem, stream); });
}

Status enqueue_row_sums(const kernels::RowSumsProblem& problem, cudaStream_t stream) {
  if (problem.rows == 0) return {};
  return launch("row_sums", [&] { return kernels::launch_row_sums(problem, stream); });
}

}  // namespace qlinear::detail
