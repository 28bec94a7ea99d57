#include <selection/selection.hpp>

#include <base/format.hpp>
#include <selection/feasibility.hpp>
#include <selection/kernel_table.hpp>
#include <selection/launch_policy.hpp>
#include <selection/quantize_selection.hpp>
#include <selection/search.hpp>
#include <validation/call_tensors.hpp>

namespace qlinear::detail {
namespace {

constexpr int kTensorMapAlignment = 16;

Status pair_not_built(const QuantizedLinearDescriptor& problem) {
  return {StatusCode::Unsupported,
          formatted("this qlinear was built without {} activations with {} weights: rebuild "
                    "it with {}-{} in QLINEAR_TYPES, which is {}",
                    to_string(problem.activation_element), to_string(problem.weight_element),
                    to_string(problem.activation_element), to_string(problem.weight_element),
                    QLINEAR_TYPES)};
}

Status no_kernel(const QuantizedLinearDescriptor& problem, const PlanPreference& preference) {
  return {
      StatusCode::Unsupported,
      formatted("no kernel takes M = {}, C_out = {}, K = {} with the preferences given "
                "(split_k {}, max_workspace {}); a grid holds no more than 2^31 output "
                "tiles: relax the preferences, or compute the layer in several calls",
                problem.m, problem.c_out, problem.k, preference.split_k, preference.max_workspace)};
}

/// The GEMMs of a plan.
struct GemmCandidates {
  Finding aligned;
  Finding unaligned;
};

Result<GemmCandidates> find_gemms(const GemmRequest& request, const ForcedKernel& forced,
                                  std::span<const TuningEntry> entries) {
  if (forced.name.empty()) {
    return GemmCandidates{find_gemm(request, kTensorMapAlignment, entries),
                          find_gemm(request, 1, entries)};
  }
  const auto candidate = forced_gemm(request, forced);
  if (!candidate.ok()) return candidate.status();
  const Finding finding{candidate.value(), ChoiceOrigin::Forced};
  const bool takes_unaligned = candidate.value().kernel->alignment == 1;
  return GemmCandidates{finding, takes_unaligned ? finding : Finding{{}, ChoiceOrigin::Forced}};
}

/// The quantize kernel of a plan: none where the activation is given.
Result<QuantizeChoice> find_quantize(const DeviceInfo& device,
                                     const QuantizedLinearDescriptor& problem,
                                     const ForcedKernel& forced,
                                     std::span<const TuningEntry> entries) {
  if (problem.scale.kind != ScaleKind::Given) {
    return choose_quantize(device, quantize_descriptor(problem), forced, entries);
  }
  if (forced.name.empty()) return QuantizeChoice{};
  if (find_quantize_kernel(forced.name) == nullptr) {
    return unknown_kernel(forced, quantize_kernels());
  }
  return refused(forced, "has nothing to do, as the activation is given");
}

/// The state of a plan of `quantize_kernel` and `gemms`; the SKU is that of the GEMM that runs
/// where pointers are aligned and rows follow each other.
Result<LinearState> assemble(const DeviceInfo& device, const QuantizedLinearDescriptor& problem,
                             const PlanPreference& preference,
                             const QuantizeKernel* quantize_kernel, const GemmCandidates& gemms) {
  const Candidate& aligned = gemms.aligned.candidate;
  const Candidate& unaligned = gemms.unaligned.candidate;
  LinearState state;
  state.descriptor = problem;
  state.quantize_kernel = quantize_kernel;
  state.device = device.ordinal;
  state.num_sms = device.num_sms;
  state.shared_bytes_per_sm = device.shared_bytes_per_sm;
  state.programmatic_dependent_launch =
      quantize_kernel != nullptr && device.programmatic_families.contains(quantize_kernel->family);
  state.aligned = with_launch_policy(aligned, device, problem, state.programmatic_dependent_launch);
  state.unaligned = with_launch_policy(unaligned, device, problem, false);
  state.early_start_pays = early_start_pays(aligned, problem);
  const bool rows_aligned = problem.k % kTensorMapAlignment == 0;
  const Candidate& expected = rows_aligned || unaligned.kernel == nullptr ? aligned : unaligned;
  if (expected.kernel == nullptr) return no_kernel(problem, preference);
  state.sku = make_sku(*expected.kernel, problem.activation_element, problem.weight_element);
  return state;
}

}  // namespace

Result<QuantizeSelection> select_quantize(const DeviceInfo& device,
                                          const DynamicRangeQuantizeDescriptor& problem,
                                          const SelectionRequest& request) {
  const auto choice = choose_quantize(device, problem, request.quantize);
  if (!choice.ok()) return choice.status();
  const QuantizeKernel& kernel = *choice.value().kernel;
  QuantizeState state;
  state.descriptor = problem;
  state.kernel = &kernel;
  state.device = device.ordinal;
  state.programmatic_dependent_launch = device.programmatic_families.contains(kernel.family);
  state.sku = make_sku(kernel, problem.activation_element, problem.quantized_element);
  return QuantizeSelection{state, choice.value().origin};
}

Result<LinearSelection> select_linear(const DeviceInfo& device,
                                      const QuantizedLinearDescriptor& problem,
                                      const SelectionRequest& request,
                                      std::span<const TuningEntry> entries) {
  if (!kernels::kEveryPair.contains(problem.activation_element, problem.weight_element)) {
    return pair_not_built(problem);
  }
  const auto quantize = find_quantize(device, problem, request.quantize, entries);
  if (!quantize.ok()) return quantize.status();
  const auto gemms = find_gemms({device, problem, request.preference}, request.gemm, entries);
  if (!gemms.ok()) return gemms.status();
  const auto& [aligned, unaligned] = gemms.value();
  const auto state =
      assemble(device, problem, request.preference, quantize.value().kernel, gemms.value());
  if (!state.ok()) return state.status();
  return LinearSelection{
      state.value(), quantize.value().origin, aligned.origin, unaligned.origin,
      aligned.passed_over != nullptr ? aligned.passed_over : unaligned.passed_over};
}

}  // namespace qlinear::detail
