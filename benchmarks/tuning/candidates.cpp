#include <device/device_info.hpp>
#include <harness/cuda_check.hpp>
#include <qlinear/kernels.hpp>
#include <qlinear/plan.hpp>
#include <selection/cost_model.hpp>
#include <selection/kernel_table.hpp>
#include <selection/plan_selection.hpp>
#include <selection/tiling.hpp>
#include <tuning/candidates.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace qlinear::benchmark {
namespace {

using Plan = QuantizedLinearPlan<Bf16, S8>;

std::string name_of(const std::string& kernel, int split_k) {
  return split_k == 1 ? kernel : kernel + "/split:" + std::to_string(split_k);
}

/// Of the candidate that needs most, for all of them: they take turns.
using SharedWorkspace = std::shared_ptr<DeviceBuffer<std::byte>>;

Candidate linear_candidate(Workload& workload, const Oracle& oracle, std::string name,
                           const Plan& plan, const SharedWorkspace& workspace,
                           double expected_clocks) {
  const std::size_t bytes = plan.workspace_size();
  if (static_cast<std::size_t>(workspace->count()) < bytes) {
    *workspace = {};  // Before the larger one is allocated.
    *workspace = DeviceBuffer<std::byte>(static_cast<std::int64_t>(bytes));
  }
  const auto enqueue = [&workload, plan, workspace, bytes](cudaStream_t stream, int call) {
    check(plan.run(stream, {workspace->data(), bytes}, workload.args(call)));
  };
  const auto verify = [&workload, &oracle, enqueue] {
    oracle.poison_output();
    enqueue(workload.stream(), 0);
    oracle.expect_output();
  };
  return {std::move(name), enqueue, verify, expected_clocks};
}

Candidate quantize_candidate(Workload& workload, const Oracle& oracle, const char* name,
                             const Plan& plan) {
  const auto enqueue = [&workload, plan](cudaStream_t stream, int call) {
    check(plan.quantize_activation(stream, workload.args(call)));
  };
  const auto verify = [&workload, &oracle, enqueue] {
    oracle.poison_quantized();
    enqueue(workload.stream(), 0);
    oracle.expect_quantized();
  };
  return {name, enqueue, verify};
}

/// Puts the choice first.
void add(Candidate candidate, const std::string& choice, std::vector<Candidate>& candidates) {
  const bool chosen = candidate.name == choice;
  candidates.insert(chosen ? candidates.begin() : candidates.end(), std::move(candidate));
}

}  // namespace

std::string name_of_choice(const Workload& workload) {
  const auto device = detail::device_info_of_stream(workload.stream());
  check(device.status());
  const auto state = detail::select_for_plan(*device.value(), workload.descriptor(), {});
  check(state.status());
  return name_of(state.value().aligned.kernel->name, state.value().aligned.split_k);
}

std::vector<Candidate> linear_candidates(Workload& workload, const Oracle& oracle,
                                         const Options& options) {
  const std::string choice = name_of_choice(workload);
  const auto device = detail::device_info_of_stream(workload.stream());
  check(device.status());
  const auto workspace = std::make_shared<DeviceBuffer<std::byte>>(1);
  std::vector<Candidate> candidates;
  for (const detail::GemmKernel& kernel : detail::gemm_kernels()) {
    for (int split_k = 1; split_k <= kernel.max_split_k; ++split_k) {
      PlanPreference preference;
      preference.kernel = kernel.name;
      preference.split_k = split_k;
      const auto plan = Plan::select(workload.stream(), workload.descriptor(), preference);
      if (!plan.ok()) break;
      std::string name = name_of(kernel.name, split_k);
      if (name != choice && !options.wants_kernel(kernel.name)) continue;
      const detail::Tiling tiling =
          detail::tiling(kernel, *device.value(), workload.descriptor(), split_k);
      const double clocks =
          detail::expected_clocks(kernel, *device.value(), workload.descriptor(), tiling);
      add(linear_candidate(workload, oracle, std::move(name), plan.value(), workspace, clocks),
          choice, candidates);
    }
  }
  return candidates;
}

std::vector<Candidate> quantize_candidates(Workload& workload, const Oracle& oracle) {
  const DynamicRangeQuantizeDescriptor descriptor{workload.m(), workload.k(),      -127,
                                                  127,          ElementKind::BF16, ElementKind::S8};
  const auto choice = DynamicRangeQuantizePlan<Bf16, S8>::select(workload.stream(), descriptor);
  check(choice.status());
  std::vector<Candidate> candidates;
  for (const detail::QuantizeKernel& kernel : detail::quantize_kernels()) {
    PlanPreference preference;
    preference.quantize_kernel = kernel.name;
    const auto plan = Plan::select(workload.stream(), workload.descriptor(), preference);
    if (!plan.ok()) continue;
    add(quantize_candidate(workload, oracle, kernel.name, plan.value()), choice.value().sku().name,
        candidates);
  }
  return candidates;
}

}  // namespace qlinear::benchmark
