#include <contenders.hpp>
#include <cuda_check.hpp>
#include <device_info.hpp>
#include <kernel_table.hpp>
#include <kernels.hpp>
#include <qlinear/plan.hpp>
#include <selection.hpp>
#include <split_k.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

// Contenders go past the plan, straight to the kernel table, since no preference forces a split.

namespace qlinear::benchmark {
namespace {

using detail::GemmChoice;
using detail::GemmKernel;
using detail::LinearState;

Result<LinearState> select(const Workload& workload, std::string_view kernel) {
  const auto device = detail::device_info_of_stream(workload.stream());
  check(device.status());
  PlanPreference preference;
  preference.kernel = kernel;
  return detail::select_linear(*device.value(), workload.descriptor(), preference);
}

kernels::QuantizeProblem quantize_problem(const Workload& workload, int call) {
  kernels::QuantizeProblem problem{};
  problem.element = ElementKind::BF16;
  problem.m = workload.m();
  problem.k = workload.k();
  problem.x = workload.activation(call);
  problem.ldx = workload.k();
  problem.q = workload.quantized(call);
  problem.ldq = workload.k();
  problem.scale = workload.activation_scale(call);
  problem.q_min = workload.descriptor().q_min;
  problem.q_max = workload.descriptor().q_max;
  return problem;
}

kernels::GemmProblem gemm_problem(const Workload& workload, int call) {
  kernels::GemmProblem problem{};
  problem.element = ElementKind::BF16;
  problem.weight_element = ElementKind::S8;
  problem.m = workload.m();
  problem.n = workload.n();
  problem.k = workload.k();
  problem.a = workload.quantized(call);
  problem.lda = workload.k();
  problem.b = workload.weights().weight(call);
  problem.ldb = workload.k();
  problem.a_scale = workload.activation_scale(call);
  problem.b_scale = workload.weights().scale();
  problem.c = workload.output(call);
  problem.ldc = workload.n();
  return problem;
}

/// What `QuantizedLinearPlan::run` enqueues for `choice`.
void enqueue_linear(const Workload& workload, const LinearState& state, const GemmChoice& choice,
                    void* workspace, cudaStream_t stream, int call) {
  const GemmKernel& kernel = *choice.kernel;
  kernels::GemmProblem gemm = gemm_problem(workload, call);
  gemm.split_k = choice.split_k;
  gemm.programmatic_dependent = state.programmatic_dependent_launch;
  kernels::QuantizeProblem quantize = quantize_problem(workload, call);
  if (choice.split_k > 1) {
    gemm.workspace = workspace;
    quantize.zero = static_cast<std::uint32_t*>(workspace);
    quantize.zero_count =
        static_cast<std::int64_t>(kernels::split_counter_bytes(kernels::tile_count(
                                      gemm.m, gemm.n, kernel.tile_m, kernel.tile_n)) /
                                  sizeof(std::uint32_t));
  }
  check(state.quantize_kernel->launch(quantize, stream));
  check(kernel.launch(gemm, stream));
}

std::string name_of(const GemmChoice& choice) {
  std::string name = choice.kernel->name;
  if (choice.split_k > 1) name += "/split:" + std::to_string(choice.split_k);
  return name;
}

/// `state.aligned` first, then all others. A split must leave each slice two tiles of K, as in
/// `select`.
std::vector<GemmChoice> choices(const Workload& workload, const LinearState& state) {
  std::vector<GemmChoice> all{state.aligned};
  for (const GemmKernel& kernel : detail::gemm_kernels()) {
    if (!select(workload, kernel.name).ok()) continue;
    for (int split_k = 1; split_k <= kernel.max_split_k; ++split_k) {
      if (split_k > 1 && workload.k() < std::int64_t{2} * split_k * kernel.tile_k) break;
      if (&kernel == state.aligned.kernel && split_k == state.aligned.split_k) continue;
      all.push_back({&kernel, split_k,
                     kernels::split_workspace_bytes(workload.m(), workload.n(), kernel.tile_m,
                                                    kernel.tile_n, split_k)});
    }
  }
  return all;
}

}  // namespace

std::vector<Contender> gemm_contenders(Workload& workload, const Oracle& oracle) {
  const auto state = select(workload, {});
  check(state.status());
  const std::vector<GemmChoice> all = choices(workload, state.value());
  std::size_t bytes = 1;
  for (const GemmChoice& choice : all) bytes = std::max(bytes, choice.workspace_bytes);
  const auto space = std::make_shared<DeviceBuffer<std::byte>>(static_cast<std::int64_t>(bytes));
  std::vector<Contender> contenders;
  for (const GemmChoice& choice : all) {
    const auto enqueue = [&workload, state = state.value(), choice, space](cudaStream_t stream,
                                                                           int call) {
      enqueue_linear(workload, state, choice, space->data(), stream, call);
    };
    const auto verify = [&workload, &oracle, enqueue] {
      oracle.poison_output();
      enqueue(workload.stream(), 0);
      oracle.expect_output();
    };
    contenders.push_back({name_of(choice), enqueue, verify});
  }
  return contenders;
}

std::vector<Contender> quantize_contenders(Workload& workload, const Oracle& oracle) {
  const auto state = select(workload, {});
  check(state.status());
  std::vector<Contender> contenders;
  for (const detail::QuantizeKernel& kernel : detail::quantize_kernels()) {
    PlanPreference preference;
    preference.quantize_kernel = kernel.name;
    const auto plan =
        QuantizedLinearPlan<Bf16, S8>::select(workload.stream(), workload.descriptor(), preference);
    if (!plan.ok()) continue;
    const auto enqueue = [&workload, plan = plan.value()](cudaStream_t stream, int call) {
      check(plan.quantize_activation(stream, workload.args(call)));
    };
    const auto verify = [&workload, &oracle, enqueue] {
      oracle.poison_quantized();
      enqueue(workload.stream(), 0);
      oracle.expect_quantized();
    };
    const bool chosen = &kernel == state.value().quantize_kernel;
    contenders.insert(chosen ? contenders.begin() : contenders.end(),
                      {kernel.name, enqueue, verify});
  }
  return contenders;
}

}  // namespace qlinear::benchmark
