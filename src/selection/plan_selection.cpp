#include <selection/plan_selection.hpp>

#include <api/log.hpp>
#include <base/floating_point_environment.hpp>
#include <base/format.hpp>
#include <selection/forced_kernel.hpp>
#include <selection/kernel_table.hpp>
#include <selection/selection.hpp>
#include <selection/selection_cache.hpp>
#include <selection/tuning_table.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace qlinear::detail {
namespace {

constexpr const char* kKernelVariable = "QLINEAR_KERNEL";
constexpr const char* kQuantizeKernelVariable = "QLINEAR_QUANTIZE_KERNEL";

SelectionRequest request_of(const PlanPreference& preference) {
  return {preference, forced_kernel(preference.kernel, "PlanPreference::kernel", kKernelVariable),
          forced_kernel(preference.quantize_kernel, "PlanPreference::quantize_kernel",
                        kQuantizeKernelVariable)};
}

/// Returns whether neither the caller nor the environment influences the choice, except by the
/// number of SMs, by which selections are remembered.
bool is_default(const SelectionRequest& request) {
  const PlanPreference none;
  // A name for each field, so that a new one does not compile until it is thought of here.
  const auto& [kernel, quantize_kernel, forbid_architecture_specific, split_k, max_workspace,
               constant_weights, max_sms] = request.preference;
  static_cast<void>(kernel);            // `request.gemm` holds it,
  static_cast<void>(quantize_kernel);   // and `request.quantize` this one.
  static_cast<void>(constant_weights);  // It is obeyed whatever was remembered.
  static_cast<void>(max_sms);           // The cache tells numbers of SMs apart.
  return request.gemm.name.empty() && request.quantize.name.empty() &&
         forbid_architecture_specific == none.forbid_architecture_specific &&
         split_k == none.split_k && max_workspace == none.max_workspace;
}

void log_selection(const LinearSelection& selection) {
  const LinearState& state = selection.state;
  const auto& d = state.descriptor;
  const auto describe = [](const GemmChoice& choice, ChoiceOrigin origin) {
    return choice.kernel == nullptr
               ? std::string("none")
               : formatted("{} ({}, split_k {}, workspace {} bytes)", choice.kernel->name,
                           to_string(origin), choice.split_k, choice.workspace_bytes);
  };
  const std::string passed_over =
      selection.passed_over == nullptr
          ? std::string()
          : formatted("; the tuning table's {} cannot do it", selection.passed_over->name);
  log_line(formatted(
      "qlinear: m={} c_out={} k={} {} x {} on {} SMs of device {}: quantize {} ({}), gemm {}, "
      "unaligned {}{}",
      d.m, d.c_out, d.k, to_string(d.activation_element), to_string(d.weight_element),
      state.num_sms, state.device,
      state.quantize_kernel == nullptr ? "none" : state.quantize_kernel->name,
      to_string(selection.quantize_origin), describe(state.aligned, selection.aligned_origin),
      describe(state.unaligned, selection.unaligned_origin), passed_over));
}

void log_selection(const QuantizeSelection& selection) {
  const QuantizeState& state = selection.state;
  const auto& d = state.descriptor;
  log_line(formatted("qlinear: quantize m={} k={} {} on device {}: {} ({})", d.m, d.k,
                     to_string(d.activation_element), state.device, state.kernel->name,
                     to_string(selection.origin)));
}

TuningKey tuning_key(const DeviceInfo& device, const QuantizedLinearDescriptor& problem) {
  return {device.architecture,    device.num_sms, problem.activation_element,
          problem.weight_element, problem.c_out,  problem.k};
}

Result<LinearSelection> select_by_table(const DeviceInfo& device,
                                        const QuantizedLinearDescriptor& problem,
                                        const SelectionRequest& request) {
  const auto table = tuning_table();
  const auto entries = table == nullptr ? std::span<const TuningEntry>()
                                        : table->entries(tuning_key(device, problem));
  return with_default_floating_point(
      [&] { return select_linear(device, problem, request, entries); });
}

/// The selection without the promise of constant weights.
Result<LinearState> remembered_or_selected(const DeviceInfo& device,
                                           const QuantizedLinearDescriptor& problem,
                                           const SelectionRequest& request) {
  const std::uint64_t generation = tuning_generation();
  const bool is_usual = is_default(request) && !log_enabled();
  if (is_usual) {
    const LinearState* known = remembered_selection(device, problem, generation);
    if (known != nullptr) return *known;
  }
  const auto selection = select_by_table(device, problem, request);
  if (!selection.ok()) return selection.status();
  if (is_usual) remember_selection(selection.value().state, generation);
  if (log_enabled()) log_selection(selection.value());
  return selection.value().state;
}

/// Calls `work` with `device`, or with what the preference's limit leaves of it.
template <class Work>
auto on_limited(const DeviceInfo& device, const PlanPreference& preference, const Work& work) {
  const bool limits = preference.max_sms > 0 && preference.max_sms < device.num_sms;
  return limits ? work(limited_to(device, preference.max_sms)) : work(device);
}

}  // namespace

Result<QuantizeState> select_for_plan(const DeviceInfo& device,
                                      const DynamicRangeQuantizeDescriptor& problem,
                                      const PlanPreference& preference) {
  const auto selection = on_limited(device, preference, [&](const DeviceInfo& limited) {
    return select_quantize(limited, problem, request_of(preference));
  });
  if (!selection.ok()) return selection.status();
  if (log_enabled()) log_selection(selection.value());
  return selection.value().state;
}

Result<LinearState> select_for_plan(const DeviceInfo& device,
                                    const QuantizedLinearDescriptor& problem,
                                    const PlanPreference& preference) {
  auto state = on_limited(device, preference, [&](const DeviceInfo& limited) {
    return remembered_or_selected(limited, problem, request_of(preference));
  });
  if (!state.ok()) return state;
  const bool forces_kernel = !preference.kernel.empty();
  state.value().constant_weights =
      preference.constant_weights && (forces_kernel || state.value().early_start_pays);
  return state;
}

}  // namespace qlinear::detail
