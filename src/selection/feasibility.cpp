#include <selection/feasibility.hpp>

#include <base/format.hpp>
#include <gemm/split_k.hpp>

#include <algorithm>
#include <limits>

namespace qlinear::detail {
namespace {

/// Returns whether a cluster of `blocks` has room on the SMs that the plan is limited to.
bool cluster_fits(const GemmKernel& kernel, const DeviceInfo& device, int blocks) {
  return !device.limited || blocks <= device.num_sms * kernel.blocks_per_sm;
}

/// Returns `refuse(reason)` for the first obstacle, where `reason` makes its text, or else what
/// `refuse` returns for none. A search asks of every kernel, so that texts are made only on demand.
template <class Refuse>
auto first_obstacle(const GemmKernel& kernel, const GemmRequest& request, const Refuse& refuse) {
  const DeviceInfo& device = request.device;
  const QuantizedLinearDescriptor& problem = request.problem;
  const PlanPreference& preference = request.preference;
  if (!device.families.contains(kernel.family)) {
    return refuse([&] {
      const bool architecture_fits = kernel.architecture_specific
                                         ? device.architecture == kernel.architecture
                                         : device.architecture >= kernel.architecture;
      return architecture_fits
                 ? formatted("was compiled for {} alone and device {} has compute capability {}.{}",
                             compiled_for(kernel.family), device.ordinal, device.architecture / 10,
                             device.architecture % 10)
                 : formatted("needs compute capability {}.{}{} and device {} has {}.{}",
                             kernel.architecture / 10, kernel.architecture % 10,
                             kernel.architecture_specific ? " exactly" : "", device.ordinal,
                             device.architecture / 10, device.architecture % 10);
    });
  }
  if (!kernel.types.contains(problem.activation_element, problem.weight_element)) {
    return refuse([&] {
      return formatted("was not compiled for {} activations with {} weights",
                       to_string(problem.activation_element), to_string(problem.weight_element));
    });
  }
  if (kernel.shared_bytes > device.shared_bytes_per_block) {
    return refuse([&] {
      return formatted("needs {} bytes of shared memory a block and device {} has {}",
                       kernel.shared_bytes, device.ordinal, device.shared_bytes_per_block);
    });
  }
  if (std::max(problem.m, gemm_n(problem)) > kernel.max_extent) {
    return refuse([&] { return formatted("takes M and C_out up to {}", kernel.max_extent); });
  }
  if (problem.epilogue.gated && problem.c_out / 2 % kernel.gate_multiple != 0) {
    return refuse([&] {
      return formatted("takes a gated epilogue only where its output has a multiple of {} columns",
                       kernel.gate_multiple);
    });
  }
  if (kernel.architecture_specific && preference.forbid_architecture_specific) {
    return refuse([] {
      return formatted(
          "runs on one architecture only, which PlanPreference::forbid_architecture_specific rules "
          "out");
    });
  }
  if (!cluster_fits(kernel, device, kernel.cluster_m)) {
    return refuse([&] {
      return formatted(
          "runs in clusters of {} blocks, for which PlanPreference::max_sms = {} leaves no room",
          kernel.cluster_m, preference.max_sms);
    });
  }
  if (kernels::tile_count(problem.m, gemm_n(problem), kernel.tile_m, kernel.tile_n) >
      std::numeric_limits<std::int32_t>::max() / kernel.max_split_k) {
    return refuse([] { return formatted("would need more blocks than a grid holds"); });
  }
  return decltype(refuse([] { return std::string(); }))();
}

bool slices_fit(const GemmKernel& kernel, const GemmRequest& request, int split_k) {
  if (split_k > kernel.max_split_k) return false;
  // All slices of a tile form a cluster.
  if (kernel.split == SplitK::Cluster && !cluster_fits(kernel, request.device, split_k)) {
    return false;
  }
  // Each slice must have a step.
  return request.problem.k > std::int64_t{split_k - 1} * kernel.tile_k;
}

bool split_is_allowed(const Tiling& tiling, const PlanPreference& preference) {
  if (tiling.workspace_bytes > preference.max_workspace) return false;
  // A second wave of slices would only add partial sums, so it must be the caller's request.
  return preference.split_k != 0 || tiling.split_fills_one_wave();
}

}  // namespace

bool can_do(const GemmKernel& kernel, const GemmRequest& request) {
  return !first_obstacle(kernel, request, [](const auto&) { return true; });
}

std::string obstacle(const GemmKernel& kernel, const GemmRequest& request) {
  return first_obstacle(kernel, request, [](const auto& reason) { return reason(); });
}

std::optional<Tiling> split_tiling(const GemmKernel& kernel, const GemmRequest& request,
                                   int split_k) {
  std::optional<Tiling> result;
  if (split_k > 1 && !slices_fit(kernel, request, split_k)) return result;
  result = tiling(kernel, request.device, request.problem, split_k);
  if (split_k > 1 && !split_is_allowed(*result, request.preference)) result.reset();
  return result;
}

}  // namespace qlinear::detail
