#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <base/format.hpp>
#include <gemm/split_k.hpp>
#include <launch/enqueue.hpp>
#include <qlinear/plan.hpp>
#include <selection/selection.hpp>
#include <validation/validation.hpp>

#include <algorithm>

namespace qlinear {
namespace {

using detail::GemmChoice;
using detail::LinearState;

DynamicRangeQuantizeDescriptor quantize_descriptor(const QuantizedLinearDescriptor& descriptor) {
  return {descriptor.m,
          descriptor.k,
          descriptor.q_min,
          descriptor.q_max,
          descriptor.activation_element,
          ElementKind::S8};
}

template <class TIn, class TWQ>
kernels::QuantizeProblem quantize_problem(const LinearState& state,
                                          const QuantizedLinearArgs<TIn, TWQ>& args) {
  return detail::quantize_problem(quantize_descriptor(state.descriptor),
                                  DynamicRangeQuantizeArgs<TIn, S8>{
                                      args.activation, args.act_q_scratch, args.act_scale_scratch},
                                  state.programmatic_dependent_launch);
}

template <class TIn, class TWQ>
kernels::GemmProblem gemm_problem(const LinearState& state,
                                  const QuantizedLinearArgs<TIn, TWQ>& args) {
  const auto& d = state.descriptor;
  kernels::GemmProblem problem{};
  problem.element = element_kind_v<TIn>;
  problem.weight_element = element_kind_v<TWQ>;
  problem.m = d.m;
  problem.n = d.c_out;
  problem.k = d.k;
  problem.a = args.act_q_scratch.data;
  problem.lda = detail::row_stride(args.act_q_scratch);
  problem.b = args.weight_q.data;
  problem.ldb = detail::row_stride(args.weight_q);
  problem.a_scale = args.act_scale_scratch.data;
  problem.b_scale = args.weight_scale.data;
  problem.bias = args.bias.data;
  problem.c = args.output.data;
  problem.ldc = detail::row_stride(args.output);
  problem.multiprocessors = state.multiprocessors;
  problem.split_k = 1;
  return problem;
}

bool is_aligned(const void* data, std::int64_t row_stride, int alignment) {
  return reinterpret_cast<std::uintptr_t>(data) % static_cast<unsigned>(alignment) == 0 &&
         row_stride % alignment == 0;
}

bool operands_are_aligned(const kernels::GemmProblem& problem, int alignment) {
  return is_aligned(problem.a, problem.m > 1 ? problem.lda : 0, alignment) &&
         is_aligned(problem.b, problem.n > 1 ? problem.ldb : 0, alignment);
}

const GemmChoice& choice_for(const LinearState& state, const kernels::GemmProblem& problem) {
  return operands_are_aligned(problem, state.aligned.kernel->alignment) ? state.aligned
                                                                        : state.unaligned;
}

Status check_choice(const LinearState& state, const GemmChoice& choice) {
  if (choice.kernel != nullptr) return {};
  return {StatusCode::Unsupported,
          detail::formatted(
              "{} needs act_q_scratch and weight_q with pointers and row strides that are "
              "multiples of {} bytes, and what the plan was selected with (a forced kernel, "
              "split_k or max_workspace) leaves no kernel without that need: align them, or leave "
              "the choice to select",
              state.aligned.kernel->name, state.aligned.kernel->alignment)};
}

/// Fills in the split of K. A split that needs a workspace is dropped where the caller's is empty.
Status split_problem(const GemmChoice& choice, Workspace workspace, kernels::GemmProblem& problem) {
  if (choice.workspace_bytes == 0) {
    problem.split_k = choice.split_k;
    return {};
  }
  if (workspace.data == nullptr) return {};
  if (workspace.bytes < choice.workspace_bytes) {
    return {StatusCode::WorkspaceTooSmall,
            detail::formatted(
                "the workspace has {} bytes at {} and {} needs {}: give workspace_size() "
                "bytes, or an empty Workspace to run without splitting K",
                workspace.bytes, workspace.data, choice.kernel->name, choice.workspace_bytes)};
  }
  if (!is_aligned(workspace.data, 0, static_cast<int>(kernels::kWorkspaceAlignment))) {
    return {StatusCode::InvalidProblem,
            detail::formatted(
                "the workspace begins at {}, which is no multiple of {} bytes: allocate it "
                "with cudaMalloc",
                workspace.data, kernels::kWorkspaceAlignment)};
  }
  problem.split_k = choice.split_k;
  problem.whole_tiles =
      kernels::tile_count(problem.m, problem.n, choice.kernel->tile_m, choice.kernel->tile_n) -
      choice.split_tiles;
  problem.counters = static_cast<std::uint32_t*>(workspace.data);
  problem.partial_sums = reinterpret_cast<std::int32_t*>(
      static_cast<std::byte*>(workspace.data) + kernels::split_counter_bytes(choice.split_tiles));
  return {};
}

/// Checks all arguments of a call of `plan` but the stream. The first `workspace_size()` bytes of
/// the workspace must overlap no tensor, even where `args` run a kernel that needs fewer.
template <class TIn, class TWQ>
Status validate_call(const QuantizedLinearPlan<TIn, TWQ>& plan, Workspace workspace,
                     const QuantizedLinearArgs<TIn, TWQ>& args, detail::Pass pass) {
  if (Status status = detail::validate_workspace(workspace); !status.ok()) return status;
  workspace.bytes = std::min(workspace.bytes, plan.workspace_size());
  return detail::validate_args(plan.descriptor(), args, pass, workspace);
}

/// Returns how many counters must be zero when the GEMM starts.
std::int64_t counter_count(const GemmChoice& choice, const kernels::GemmProblem& problem) {
  return problem.counters == nullptr ? 0 : choice.split_tiles;
}

/// Turns `choice`'s prefetch into addresses and blocks for `problem`.
kernels::WeightPrefetch weight_prefetch(const GemmChoice& choice,
                                        const kernels::GemmProblem& problem) {
  if (choice.prefetched_bytes == 0) return {};
  constexpr std::int64_t kLine = kernels::kCacheLineBytes;
  constexpr std::int64_t kBlockBytes = 256 * kLine;  // Each of 256 threads prefetches a line.
  const std::int64_t bytes = choice.prefetched_rows * problem.split_k * choice.prefetched_bytes;
  const std::int64_t blocks =
      std::min<std::int64_t>(problem.multiprocessors, (bytes + kBlockBytes - 1) / kBlockBytes);
  return {problem.b,
          problem.ldb,
          static_cast<std::uint32_t>(choice.prefetched_rows),
          static_cast<std::uint32_t>(problem.split_k),
          static_cast<std::uint32_t>(problem.k / problem.split_k / kLine * kLine),
          static_cast<std::uint32_t>(choice.prefetched_bytes),
          static_cast<std::uint32_t>(blocks)};
}

/// Fills in the members of `gemm` that `choice` decides.
Status prepare_gemm(const LinearState& state, const GemmChoice& choice, Workspace workspace,
                    kernels::GemmProblem& gemm) {
  gemm.lets_successor_in_late = choice.prefetched_bytes > 0;
  if (Status status = check_choice(state, choice); !status.ok()) return status;
  return split_problem(choice, workspace, gemm);
}

/// Enqueues the quantize kernel, which also clears counters and prefetches weights for the GEMM.
Status enqueue_quantize(cudaStream_t stream, const LinearState& state,
                        kernels::QuantizeProblem quantize, const GemmChoice& choice,
                        const kernels::GemmProblem& gemm) {
  quantize.zero = gemm.counters;
  quantize.zero_count = counter_count(choice, gemm);
  quantize.constant_weights = state.constant_weights;
  quantize.prefetch = weight_prefetch(choice, gemm);
  if (choice.spreads_rows) {
    quantize.spread = {state.multiprocessors, state.shared_bytes_per_multiprocessor};
  }
  return detail::enqueue_quantize(*state.quantize_kernel, quantize, stream);
}

Status clear_counters(cudaStream_t stream, const GemmChoice& choice,
                      const kernels::GemmProblem& gemm) {
  const auto counters = static_cast<std::size_t>(counter_count(choice, gemm));
  if (counters == 0) return {};
  const cudaError_t error =
      cudaMemsetAsync(gemm.counters, 0, counters * sizeof(std::uint32_t), stream);
  return error == cudaSuccess ? Status() : detail::cuda_failure("cudaMemsetAsync", error);
}

/// Implements `run`, and `multiply` where `quantize` is null, for checked arguments.
Status enqueue_linear(cudaStream_t stream, const LinearState& state,
                      const kernels::QuantizeProblem* quantize, kernels::GemmProblem gemm,
                      Workspace workspace) {
  const GemmChoice& choice = choice_for(state, gemm);
  Status status = prepare_gemm(state, choice, workspace, gemm);
  if (!status.ok()) return status;
  gemm.programmatic_dependent = choice.programmatic_dependent_launch && choice.starts_early &&
                                (quantize != nullptr || state.constant_weights);
  return detail::on_plan_device(stream, state.device, [&] {
    Status before = quantize != nullptr ? enqueue_quantize(stream, state, *quantize, choice, gemm)
                                        : clear_counters(stream, choice, gemm);
    if (!before.ok()) return before;
    return detail::enqueue_gemm(*choice.kernel, gemm, stream);
  });
}

}  // namespace

template <class TIn, class TWQ>
Result<QuantizedLinearPlan<TIn, TWQ>> QuantizedLinearPlan<TIn, TWQ>::select(
    cudaStream_t stream, const QuantizedLinearDescriptor& descriptor,
    const PlanPreference& preference) noexcept {
  Status valid = detail::validate_problem(descriptor, element_kind_v<TIn>, element_kind_v<TWQ>);
  if (valid.ok()) valid = detail::validate_preference(preference);
  if (!valid.ok()) return valid;
  const auto device = detail::device_info_of_stream(stream);
  if (!device.ok()) return device.status();
  const auto state = detail::select_linear(*device.value(), descriptor, preference);
  if (!state.ok()) return state.status();
  return QuantizedLinearPlan(state.value());
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::can_implement(const Args& args) const noexcept {
  if (Status status = detail::validate_args(state_.descriptor, args); !status.ok()) return status;
  return check_choice(state_, choice_for(state_, gemm_problem(state_, args)));
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::run(cudaStream_t stream, Workspace workspace,
                                          const Args& args) const noexcept {
  Status status = validate_call(*this, workspace, args, detail::Pass::Both);
  if (!status.ok()) return status;
  const auto quantize = quantize_problem(state_, args);
  return enqueue_linear(stream, state_, &quantize, gemm_problem(state_, args), workspace);
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::quantize_activation(cudaStream_t stream,
                                                          const Args& args) const noexcept {
  Status status = detail::validate_args(state_.descriptor, args, detail::Pass::Quantize);
  if (!status.ok()) return status;
  return detail::on_plan_device(stream, state_.device, [&] {
    return detail::enqueue_quantize(*state_.quantize_kernel, quantize_problem(state_, args),
                                    stream);
  });
}

template <class TIn, class TWQ>
Status QuantizedLinearPlan<TIn, TWQ>::multiply(cudaStream_t stream, Workspace workspace,
                                               const Args& args) const noexcept {
  Status status = validate_call(*this, workspace, args, detail::Pass::Multiply);
  if (!status.ok()) return status;
  return enqueue_linear(stream, state_, nullptr, gemm_problem(state_, args), workspace);
}

template class QuantizedLinearPlan<__half, S8>;
template class QuantizedLinearPlan<__half, U8>;
template class QuantizedLinearPlan<__nv_bfloat16, S8>;
template class QuantizedLinearPlan<__nv_bfloat16, U8>;
template class QuantizedLinearPlan<float, S8>;
template class QuantizedLinearPlan<float, U8>;
template class QuantizedLinearPlan<double, S8>;
template class QuantizedLinearPlan<double, U8>;

}  // namespace qlinear
