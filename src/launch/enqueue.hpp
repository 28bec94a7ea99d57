#pragma once

#include <common/problems.hpp>
#include <device/callers_error.hpp>
#include <device/device_info.hpp>
#include <qlinear/problem.hpp>
#include <quantize/dequantize.hpp>
#include <quantize/row_sums.hpp>
#include <selection/kernel_table.hpp>
#include <validation/call_tensors.hpp>

#include <optional>

// Both plans turn checked arguments into launches here.

namespace qlinear::detail {

/// Makes the plan's device current for a scope. Fails where `stream` is one of another device.
class PlanDevice {
 public:
  PlanDevice(cudaStream_t stream, int plan_device);
  const Status& status() const { return status_; }

 private:
  DeviceGuard guard_;
  Status status_;
};

/// Calls `enqueue()` with the plan's device current, and clears the runtime's error of a failure.
template <class Enqueue>
Status on_plan_device(cudaStream_t stream, int plan_device, const Enqueue& enqueue) {
  const CallersError callers;
  const PlanDevice device(stream, plan_device);
  Status status = device.status().ok() ? enqueue() : device.status();
  if (!status.ok()) callers.clear_ours();
  return status;
}

/// What the quantize kernel is asked for.
struct QuantizePass {
  struct Options {
    kernels::SourceParameters source;
    kernels::ScaleParameters scale;
  };
  kernels::QuantizeProblem rows;
  std::optional<Options> options;  ///< None where `rows` is all of it.
};

/// Without what it does for a GEMM.
QuantizePass quantize_pass(const DynamicRangeQuantizeDescriptor& descriptor,
                           const QuantizeOperands& operands, bool programmatic_dependent_launch);

/// Enqueues the quantize kernel; nothing for M = 0.
Status enqueue_quantize(const QuantizeKernel& kernel, const QuantizePass& pass,
                        cudaStream_t stream);

/// Enqueues the GEMM; nothing for an empty output.
Status enqueue_gemm(const GemmKernel& kernel, const kernels::GemmProblem& problem,
                    cudaStream_t stream);

/// Enqueues what quantized rows stand for; nothing for an empty output.
Status enqueue_dequantize(const kernels::DequantizeProblem& problem, cudaStream_t stream);

/// Enqueues the sums of rows; nothing where there are none.
Status enqueue_row_sums(const kernels::RowSumsProblem& problem, cudaStream_t stream);

}  // namespace qlinear::detail
