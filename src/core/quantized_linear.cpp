#include <core/quantized_linear.hpp>
#include <core/shared_activation.hpp>

#include <base/format.hpp>
#include <base/invalid.hpp>
#include <gemm/split_k.hpp>
#include <launch/enqueue.hpp>
#include <selection/plan_selection.hpp>
#include <selection/tiling.hpp>
#include <validation/validation.hpp>

#include <algorithm>

namespace qlinear::detail {
namespace {

QuantizePass quantize_pass(const LinearState& state, const LinearTensors& tensors) {
  return quantize_pass(quantize_descriptor(state.descriptor), quantize_operands(tensors),
                       state.programmatic_dependent_launch);
}

bool is_given(const LinearState& state) { return state.descriptor.scale.kind == ScaleKind::Given; }

/// The quantized activation, whoever quantized it.
struct QuantizedActivation {
  const TensorView& q;
  const TensorView& scale;
  const TensorView& zero_point;
  const TensorView& sum;
};

QuantizedActivation quantized_activation(const LinearState& state, const LinearTensors& tensors) {
  const LinearOptionViews& options = options_of(tensors);
  if (is_given(state)) {
    const auto& [q, scale, zero_point, sum] = options.given;
    return {q, scale, zero_point, sum};
  }
  return {tensors.act_q_scratch, tensors.act_scale_scratch, options.quantize.zero_point,
          options.quantize.sum};
}

kernels::ZeroPointParameters zero_points(const QuantizedLinearDescriptor& descriptor,
                                         const QuantizedActivation& activation,
                                         const LinearOptionViews& options) {
  kernels::ZeroPointParameters parameters;
  if (has_zero_points(descriptor.scale)) {
    parameters.a_zero_point = static_cast<const std::int8_t*>(activation.zero_point.data);
    parameters.a_zero_point_stride = step_over_rows(activation.zero_point);
    parameters.b_sum = static_cast<const std::int32_t*>(options.weight_sum.data);
  }
  if (descriptor.weight_zero_points) {
    parameters.b_zero_point = options.weight_zero_point.data;
    parameters.a_sum = static_cast<const std::int32_t*>(activation.sum.data);
  }
  return parameters;
}

kernels::EpilogueParameters epilogue(const QuantizedLinearDescriptor& descriptor,
                                     const LinearTensors& tensors,
                                     const QuantizedActivation& activation) {
  const LinearOptionViews& options = options_of(tensors);
  return {.a_scale = activation.scale.data,
          .a_scale_stride = step_over_rows(activation.scale),
          .b_scale = tensors.weight_scale.data,
          .bias = tensors.bias.data,
          .c = tensors.output.data,
          .ldc = row_stride(tensors.output),
          .zero_points = zero_points(descriptor, activation, options),
          .activation = descriptor.epilogue.activation,
          .routing_weight = options.epilogue.routing_weight.data,
          .residual = options.epilogue.residual.data,
          .ldr = row_stride(options.epilogue.residual),
          .gate_rows = descriptor.epilogue.gated ? descriptor.c_out / 2 : 0};
}

kernels::GemmProblem gemm_problem(const LinearState& state, const LinearTensors& tensors) {
  const auto& d = state.descriptor;
  const QuantizedActivation activation = quantized_activation(state, tensors);
  return {.operands = {.element = d.activation_element,
                       .weight_element = d.weight_element,
                       .m = d.m,
                       .n = gemm_n(d),
                       .k = d.k,
                       .a = static_cast<const std::int8_t*>(activation.q.data),
                       .lda = row_stride(activation.q),
                       .b = tensors.weight_q.data,
                       .ldb = row_stride(tensors.weight_q)},
          .epilogue = epilogue(d, tensors, activation),
          .schedule = {.num_sms = state.num_sms},
          .launch = {}};
}

bool is_aligned(const void* data, std::int64_t row_stride, int alignment) {
  return reinterpret_cast<std::uintptr_t>(data) % static_cast<unsigned>(alignment) == 0 &&
         row_stride % alignment == 0;
}

bool are_aligned(const kernels::GemmOperands& operands, int alignment) {
  return is_aligned(operands.a, operands.m > 1 ? operands.lda : 0, alignment) &&
         is_aligned(operands.b, operands.n > 1 ? operands.ldb : 0, alignment);
}

const GemmChoice& choice_for(const LinearState& state, const kernels::GemmProblem& problem) {
  return are_aligned(problem.operands, state.aligned.kernel->alignment) ? state.aligned
                                                                        : state.unaligned;
}

Status check_choice(const LinearState& state, const GemmChoice& choice) {
  if (choice.kernel != nullptr) return {};
  return {StatusCode::Unsupported,
          formatted(
              "{} needs {} and weight_q with pointers and row strides that are "
              "multiples of {} bytes, and what the plan was selected with (a forced kernel, "
              "split_k or max_workspace) leaves no kernel without that need: align them, or leave "
              "the choice to select",
              state.aligned.kernel->name, is_given(state) ? "given.q" : "act_q_scratch",
              state.aligned.kernel->alignment)};
}

/// Fills in the split of K. Where it needs a workspace and gets an empty one, there is none.
Status split_problem(const GemmChoice& choice, Workspace workspace, kernels::GemmProblem& problem) {
  if (choice.workspace_bytes == 0) {
    problem.schedule.split_k = choice.split_k;
    return {};
  }
  if (workspace.data == nullptr) return {};
  if (workspace.bytes < choice.workspace_bytes) {
    return {
        StatusCode::WorkspaceTooSmall,
        formatted("the workspace has {} bytes at {} and {} needs {}: give workspace_size() "
                  "bytes, or an empty Workspace to run without splitting K",
                  workspace.bytes, workspace.data, choice.kernel->name, choice.workspace_bytes)};
  }
  if (!is_aligned(workspace.data, 0, static_cast<int>(kernels::kWorkspaceAlignment))) {
    return {StatusCode::InvalidProblem,
            formatted("the workspace begins at {}, which is no multiple of {} bytes: allocate it "
                      "with cudaMalloc",
                      workspace.data, kernels::kWorkspaceAlignment)};
  }
  problem.schedule.split_k = choice.split_k;
  problem.schedule.whole_tiles = kernels::tile_count(problem.operands.m, problem.operands.n,
                                                     choice.kernel->tile_m, choice.kernel->tile_n) -
                                 choice.split_tiles;
  problem.schedule.counters = static_cast<std::uint32_t*>(workspace.data);
  problem.schedule.partial_sums = reinterpret_cast<std::int32_t*>(
      static_cast<std::byte*>(workspace.data) + kernels::split_counter_bytes(choice.split_tiles));
  return {};
}

/// Checks everything that a plan is called with except the stream. The first `written` bytes of the
/// workspace must overlap no tensor.
Status validate_call(const LinearState& state, Workspace workspace, std::size_t written,
                     const LinearTensors& tensors, Pass pass) {
  if (Status status = validate_workspace(workspace); !status.ok()) return status;
  workspace.bytes = std::min(workspace.bytes, written);
  return validate_tensors(state.descriptor, tensors, pass, workspace);
}

/// Of one layer, `workspace_size()` bytes are taken as written, even where `tensors` run a kernel
/// that needs fewer.
Status validate_call(const LinearState& state, Workspace workspace, const LinearTensors& tensors,
                     Pass pass) {
  return validate_call(state, workspace, workspace_size(state), tensors, pass);
}

/// Counters that must be zero when the GEMM starts.
std::int64_t counter_count(const GemmChoice& choice, const kernels::GemmProblem& problem) {
  return problem.schedule.counters == nullptr ? 0 : choice.split_tiles;
}

/// `choice`'s prefetch of the weights of `problem`.
kernels::WeightPrefetch weight_prefetch(const GemmChoice& choice,
                                        const kernels::GemmProblem& problem) {
  if (choice.prefetched_bytes == 0) return {};
  constexpr std::int64_t kLine = kernels::kCacheLineBytes;
  constexpr std::int64_t kBlockBytes = 256 * kLine;  // A line a thread.
  const std::int64_t bytes =
      choice.prefetched_rows * problem.schedule.split_k * choice.prefetched_bytes;
  const std::int64_t blocks =
      std::min<std::int64_t>(problem.schedule.num_sms, (bytes + kBlockBytes - 1) / kBlockBytes);
  return {problem.operands.b,
          problem.operands.ldb,
          problem.epilogue.gate_rows * problem.operands.ldb,
          static_cast<std::uint32_t>(choice.prefetched_rows),
          static_cast<std::uint32_t>(problem.schedule.split_k),
          static_cast<std::uint32_t>(problem.operands.k / problem.schedule.split_k / kLine * kLine),
          static_cast<std::uint32_t>(choice.prefetched_bytes),
          static_cast<std::uint32_t>(blocks)};
}

/// Fills in what `choice` says of `gemm`.
Status prepare_gemm(const LinearState& state, const GemmChoice& choice, Workspace workspace,
                    kernels::GemmProblem& gemm) {
  gemm.launch.launch_dependents_late = choice.prefetched_bytes > 0;
  if (Status status = check_choice(state, choice); !status.ok()) return status;
  return split_problem(choice, workspace, gemm);
}

/// The kernel before the GEMM, with all that it does for it on the way.
Status enqueue_quantize(cudaStream_t stream, const LinearState& state, QuantizePass& quantize,
                        const GemmChoice& choice, const kernels::GemmProblem& gemm) {
  kernels::GemmPreparation& preparation = quantize.rows.gemm;
  preparation = {.counters = gemm.schedule.counters,
                 .counter_count = counter_count(choice, gemm),
                 .constant_weights = state.constant_weights,
                 .prefetch = weight_prefetch(choice, gemm),
                 .spread = {}};
  if (choice.limits_blocks_per_sm) {
    preparation.spread = {state.num_sms, state.shared_bytes_per_sm};
  }
  return enqueue_quantize(*state.quantize_kernel, quantize, stream);
}

Status clear_counters(cudaStream_t stream, const GemmChoice& choice,
                      const kernels::GemmProblem& gemm) {
  const auto counters = static_cast<std::size_t>(counter_count(choice, gemm));
  if (counters == 0) return {};
  const cudaError_t error =
      cudaMemsetAsync(gemm.schedule.counters, 0, counters * sizeof(std::uint32_t), stream);
  return error == cudaSuccess ? Status() : cuda_failure("cudaMemsetAsync", error);
}

/// `run`, or without `quantize` `multiply`, once the arguments are checked.
Status enqueue_linear(cudaStream_t stream, const LinearState& state, QuantizePass* quantize,
                      kernels::GemmProblem gemm, Workspace workspace) {
  const GemmChoice& choice = choice_for(state, gemm);
  Status status = prepare_gemm(state, choice, workspace, gemm);
  if (!status.ok()) return status;
  gemm.launch.programmatic_dependent = choice.programmatic_dependent_launch &&
                                       choice.launches_early &&
                                       (quantize != nullptr || state.constant_weights);
  return on_plan_device(stream, state.device, [&] {
    Status before = quantize != nullptr ? enqueue_quantize(stream, state, *quantize, choice, gemm)
                                        : clear_counters(stream, choice, gemm);
    if (!before.ok()) return before;
    return enqueue_gemm(*choice.kernel, gemm, stream);
  });
}

}  // namespace

Result<LinearState> select_on_stream(cudaStream_t stream,
                                     const QuantizedLinearDescriptor& descriptor,
                                     const PlanPreference& preference, ElementKind activation,
                                     ElementKind weight) noexcept {
  Status valid = validate_problem(descriptor, activation, weight);
  if (valid.ok()) valid = validate_preference(preference);
  if (!valid.ok()) return valid;
  const auto device = device_info_of_stream(stream);
  if (!device.ok()) return device.status();
  return select_for_plan(*device.value(), with_elements(descriptor, activation, weight),
                         preference);
}

std::size_t workspace_size(const LinearState& state) noexcept {
  return std::max(state.aligned.workspace_bytes, state.unaligned.workspace_bytes);
}

Status can_implement(const LinearState& state, const LinearTensors& tensors) noexcept {
  if (Status status = validate_tensors(state.descriptor, tensors); !status.ok()) return status;
  return check_choice(state, choice_for(state, gemm_problem(state, tensors)));
}

Status run(const LinearState& state, cudaStream_t stream, Workspace workspace,
           const LinearTensors& tensors) noexcept {
  Status status = validate_call(state, workspace, tensors, Pass::Both);
  if (!status.ok()) return status;
  if (is_given(state)) {
    return enqueue_linear(stream, state, nullptr, gemm_problem(state, tensors), workspace);
  }
  auto quantize = quantize_pass(state, tensors);
  return enqueue_linear(stream, state, &quantize, gemm_problem(state, tensors), workspace);
}

Status check_run(const LinearState& state, Workspace workspace, std::size_t written,
                 const LinearTensors& tensors) noexcept {
  Status status = validate_call(state, workspace, written, tensors, Pass::Both);
  if (!status.ok()) return status;
  kernels::GemmProblem gemm = gemm_problem(state, tensors);
  return prepare_gemm(state, choice_for(state, gemm), workspace, gemm);
}

Status quantize_activation(const LinearState& state, cudaStream_t stream,
                           const LinearTensors& tensors) noexcept {
  if (is_given(state)) {
    return invalid(
        "scale.kind is given, but quantize_activation would quantize; call run or multiply alone");
  }
  Status status = validate_tensors(state.descriptor, tensors, Pass::Quantize);
  if (!status.ok()) return status;
  return on_plan_device(stream, state.device, [&] {
    return enqueue_quantize(*state.quantize_kernel, quantize_pass(state, tensors), stream);
  });
}

Status multiply(const LinearState& state, cudaStream_t stream, Workspace workspace,
                const LinearTensors& tensors) noexcept {
  Status status = validate_call(state, workspace, tensors, Pass::Multiply);
  if (!status.ok()) return status;
  return enqueue_linear(stream, state, nullptr, gemm_problem(state, tensors), workspace);
}

}  // namespace qlinear::detail
