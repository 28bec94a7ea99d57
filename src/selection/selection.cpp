#include <selection/selection.hpp>

#include <api/log.hpp>
#include <base/floating_point_environment.hpp>
#include <base/format.hpp>
#include <gemm/split_k.hpp>
#include <selection/cost_model.hpp>
#include <selection/forced_kernel.hpp>
#include <selection/kernel_table.hpp>
#include <selection/quantize_selection.hpp>
#include <selection/selection_cache.hpp>
#include <selection/tuning_table.hpp>
#include <validation/call_tensors.hpp>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <span>
#include <string>

namespace qlinear::detail {
namespace {

constexpr const char* kKernelVariable = "QLINEAR_KERNEL";
constexpr int kTensorMapAlignment = 16;

/// Returns whether neither the caller nor the environment influences the choice, except by the
/// number of SMs, by which selections are remembered.
bool is_default(const PlanPreference& preference) {
  const PlanPreference none;
  // A name for each field, so that a new one does not compile until it is thought of here.
  const auto& [kernel, quantize_kernel, forbid_architecture_specific, split_k, max_workspace,
               constant_weights, max_sms] = preference;
  static_cast<void>(constant_weights);  // `select_linear` obeys it whatever was remembered.
  static_cast<void>(max_sms);           // The cache tells numbers of SMs apart.
  return kernel.empty() && quantize_kernel.empty() &&
         forbid_architecture_specific == none.forbid_architecture_specific &&
         split_k == none.split_k && max_workspace == none.max_workspace &&
         std::getenv(kKernelVariable) == nullptr && std::getenv(kQuantizeKernelVariable) == nullptr;
}

bool architecture_fits(const GemmKernel& kernel, const DeviceInfo& device) {
  return kernel.architecture_specific ? device.architecture == kernel.architecture
                                      : device.architecture >= kernel.architecture;
}

bool types_fit(const GemmKernel& kernel, const QuantizedLinearDescriptor& problem) {
  return kernel.types.contains(problem.activation_element, problem.weight_element);
}

bool extents_fit(const GemmKernel& kernel, const QuantizedLinearDescriptor& problem) {
  return std::max(problem.m, problem.c_out) <= kernel.max_extent;
}

bool grid_fits(const GemmKernel& kernel, const QuantizedLinearDescriptor& problem) {
  return kernels::tile_count(problem.m, problem.c_out, kernel.tile_m, kernel.tile_n) <=
         std::numeric_limits<std::int32_t>::max() / kernel.max_split_k;
}

/// Whether a cluster of `blocks` has room on the multiprocessors that the plan is limited to.
bool cluster_fits(const GemmKernel& kernel, const DeviceInfo& device, int blocks) {
  return !device.limited || blocks <= device.multiprocessors * kernel.blocks_per_multiprocessor;
}

bool can_do(const GemmKernel& kernel, const DeviceInfo& device,
            const QuantizedLinearDescriptor& problem, const PlanPreference& preference) {
  return device.families.contains(kernel.family) && types_fit(kernel, problem) &&
         !(kernel.architecture_specific && preference.forbid_architecture_specific) &&
         kernel.shared_bytes <= device.shared_bytes_per_block && extents_fit(kernel, problem) &&
         grid_fits(kernel, problem) && cluster_fits(kernel, device, kernel.sharers);
}

std::string obstacle(const GemmKernel& kernel, const DeviceInfo& device,
                     const QuantizedLinearDescriptor& problem, const PlanPreference& preference) {
  if (!architecture_fits(kernel, device)) {
    return formatted("needs compute capability {}.{}{} and device {} has {}.{}",
                     kernel.architecture / 10, kernel.architecture % 10,
                     kernel.architecture_specific ? " exactly" : "", device.ordinal,
                     device.architecture / 10, device.architecture % 10);
  }
  if (!device.families.contains(kernel.family)) {
    return formatted("was compiled for {} alone and device {} has compute capability {}.{}",
                     compiled_for(kernel.family), device.ordinal, device.architecture / 10,
                     device.architecture % 10);
  }
  if (!types_fit(kernel, problem)) {
    return formatted("was not compiled for {} activations with {} weights",
                     to_string(problem.activation_element), to_string(problem.weight_element));
  }
  if (kernel.shared_bytes > device.shared_bytes_per_block) {
    return formatted("needs {} bytes of shared memory a block and device {} has {}",
                     kernel.shared_bytes, device.ordinal, device.shared_bytes_per_block);
  }
  if (!extents_fit(kernel, problem)) {
    return formatted("takes M and C_out up to {}", kernel.max_extent);
  }
  if (kernel.architecture_specific && preference.forbid_architecture_specific) {
    return formatted(
        "runs on one architecture only, which PlanPreference::forbid_architecture_specific rules "
        "out");
  }
  if (!cluster_fits(kernel, device, kernel.sharers)) {
    return formatted(
        "runs in clusters of {} blocks, for which PlanPreference::max_sms = {} leaves no "
        "room",
        kernel.sharers, preference.max_sms);
  }
  return formatted("would need more blocks than a grid holds");
}

struct Candidate {
  GemmChoice choice;
  double clocks = std::numeric_limits<double>::infinity();
};

GemmChoice split_choice(const GemmKernel& kernel, const DeviceInfo& device,
                        const QuantizedLinearDescriptor& problem, int split_k) {
  if (split_k == 1 || kernel.split != SplitK::Workspace) return {&kernel, split_k, 0, 0};
  const std::int64_t tiles = split_tiles(kernel, device, problem, split_k);
  return {&kernel, split_k, tiles,
          kernels::split_workspace_bytes(tiles, split_k, kernel.tile_m, kernel.tile_n)};
}

/// Returns whether K may be split into `split_k` slices: each slice must have a step, and slices
/// beyond one wave must be the caller's request.
bool may_split(const GemmKernel& kernel, const DeviceInfo& device,
               const QuantizedLinearDescriptor& problem, const PlanPreference& preference,
               int split_k) {
  if (split_k == 1) return true;
  if (split_k > kernel.max_split_k) return false;
  if (kernel.split == SplitK::Cluster && !cluster_fits(kernel, device, split_k)) return false;
  if (problem.k <= std::int64_t{split_k - 1} * kernel.tile_k) return false;
  if (split_choice(kernel, device, problem, split_k).workspace_bytes > preference.max_workspace) {
    return false;
  }
  if (preference.split_k != 0) return true;
  // A second wave of slices would only add partial sums.
  return split_fills_one_wave(kernel, device, problem, split_k);
}

/// Returns the fastest split of K for `kernel` that `preference` allows, or none.
Candidate best_split(const GemmKernel& kernel, const DeviceInfo& device,
                     const QuantizedLinearDescriptor& problem, const PlanPreference& preference) {
  Candidate best;
  const auto consider = [&](int split_k) {
    const double clocks = expected_clocks(kernel, device, problem, split_k);
    if (clocks < best.clocks) {
      best = {split_choice(kernel, device, problem, split_k), clocks};
    }
  };
  if (preference.split_k != 0) {
    if (may_split(kernel, device, problem, preference, preference.split_k)) {
      consider(preference.split_k);
    }
  } else {
    consider(1);
    for (const int split_k : {2, 3, 4, 6, 8, 12, 16}) {
      if (!may_split(kernel, device, problem, preference, split_k)) break;
      consider(split_k);
    }
  }
  return best;
}

/// Returns whether `device` runs a family that always beats `kernel`.
bool is_superseded(const GemmKernel& kernel, const DeviceInfo& device) {
  return kernel.family == KernelFamily::MmaM8N8K16 &&
         device.families.contains(KernelFamily::MmaM16N8K32);
}

/// Returns the best kernel of the fastest instruction that takes the problem: wgmma beats mma.sync
/// wherever both do, and mma.sync beats dp4a.
GemmChoice best_gemm(const DeviceInfo& device, const QuantizedLinearDescriptor& problem,
                     const PlanPreference& preference, int alignment) {
  for (const auto backend : {KernelBackend::Wgmma, KernelBackend::MmaSync, KernelBackend::Dp4a}) {
    Candidate best;
    for (const auto& kernel : gemm_kernels()) {
      if (kernel.backend != backend || kernel.alignment > alignment) continue;
      const GemmKernel* ahead = best.choice.kernel;
      if (ahead != nullptr && ahead->alignment > kernel.alignment) continue;
      if (is_superseded(kernel, device)) continue;
      if (!can_do(kernel, device, problem, preference)) continue;
      const Candidate candidate = best_split(kernel, device, problem, preference);
      if (candidate.clocks < best.clocks) best = candidate;
    }
    if (best.choice.kernel != nullptr) return best.choice;
  }
  return {};
}

struct TunedChoice {
  GemmChoice choice;
  const GemmKernel* passed_over = nullptr;  ///< Of a later entry, which cannot be done.
};

/// What the last of `entries` says that covers `problem`, takes operands of `alignment` bytes and
/// can be done as `preference` wants it; no kernel if none does.
TunedChoice tuned_gemm(const DeviceInfo& device, const QuantizedLinearDescriptor& problem,
                       const PlanPreference& preference, int alignment,
                       std::span<const TuningEntry> entries) {
  TunedChoice tuned;
  for (; !entries.empty(); entries = entries.first(entries.size() - 1)) {
    const TuningEntry& entry = entries.back();
    const GemmKernel& kernel = *entry.kernel;
    if (!entry.covers(problem.m) || kernel.alignment > alignment) continue;
    PlanPreference exact = preference;
    exact.split_k = entry.split_k;
    if ((preference.split_k == 0 || preference.split_k == entry.split_k) &&
        can_do(kernel, device, problem, exact) &&
        may_split(kernel, device, problem, exact, entry.split_k)) {
      tuned.choice = split_choice(kernel, device, problem, entry.split_k);
      return tuned;
    }
    if (tuned.passed_over == nullptr) tuned.passed_over = &kernel;
  }
  return tuned;
}

/// How a selection came about, for its line in the log.
struct Origins {
  ChoiceOrigin quantize = ChoiceOrigin::Model;
  ChoiceOrigin aligned = ChoiceOrigin::Model;
  ChoiceOrigin unaligned = ChoiceOrigin::Model;
  const GemmKernel* passed_over = nullptr;  ///< The table's last wish, if it cannot be done.
};

/// The table's choice, or else the model's.
GemmChoice unforced_gemm(const DeviceInfo& device, const QuantizedLinearDescriptor& problem,
                         const PlanPreference& preference, int alignment,
                         std::span<const TuningEntry> entries, ChoiceOrigin& origin,
                         const GemmKernel*& passed_over) {
  const TunedChoice tuned = tuned_gemm(device, problem, preference, alignment, entries);
  if (passed_over == nullptr) passed_over = tuned.passed_over;
  const bool is_tuned = tuned.choice.kernel != nullptr;
  origin = is_tuned ? ChoiceOrigin::Table : ChoiceOrigin::Model;
  return is_tuned ? tuned.choice : best_gemm(device, problem, preference, alignment);
}

Status choose_gemm(const DeviceInfo& device, const PlanPreference& preference,
                   std::span<const TuningEntry> entries, LinearState& state, Origins& origins) {
  const auto& problem = state.descriptor;
  const auto forced = forced_kernel(preference.kernel, "PlanPreference::kernel", kKernelVariable);
  if (forced.name.empty()) {
    state.aligned = unforced_gemm(device, problem, preference, kTensorMapAlignment, entries,
                                  origins.aligned, origins.passed_over);
    state.unaligned = unforced_gemm(device, problem, preference, 1, entries, origins.unaligned,
                                    origins.passed_over);
    return {};
  }
  origins.aligned = origins.unaligned = ChoiceOrigin::Forced;
  const GemmKernel* kernel = find_gemm_kernel(forced.name);
  if (kernel == nullptr) return unknown_kernel(forced, gemm_kernels());
  if (!can_do(*kernel, device, problem, preference)) {
    return refused(forced, obstacle(*kernel, device, problem, preference));
  }
  const GemmChoice choice = best_split(*kernel, device, problem, preference).choice;
  if (choice.kernel == nullptr) {
    return refused(forced, formatted("cannot split K = {} into PlanPreference::split_k = {} slices "
                                     "within PlanPreference::max_workspace = {} bytes",
                                     problem.k, preference.split_k, preference.max_workspace));
  }
  state.aligned = choice;
  if (kernel->alignment == 1) state.unaligned = choice;
  return {};
}

/// Returns whether the GEMM gains by reading weights before earlier kernels in the stream finish.
/// On an H200 it did, by 3 to 10 % before weights were prefetched, where its grid fills the SMs
/// after a short quantize kernel. Blocks of a smaller grid pile up on the SMs that the previous
/// layer leaves idle, or wait for one.
bool early_start_pays(const DeviceInfo& device, const LinearState& state) {
  constexpr std::int64_t kFewTokens = 64;
  const auto& problem = state.descriptor;
  const GemmChoice& choice = state.aligned;
  if (choice.kernel == nullptr || problem.m > kFewTokens || problem.k > kLongRow) return false;
  const int weight_rows = weight_rows_of_tile(*choice.kernel, device, problem, choice.split_k);
  const std::int64_t blocks =
      kernels::tile_count(problem.m, problem.c_out, choice.kernel->tile_m, weight_rows) *
      choice.split_k;
  return blocks * 10 >= blocks_at_once(*choice.kernel, device, choice.split_k) * 9;
}

/// Returns how many bytes of weights memory can deliver while it would idle between two layers,
/// from times on an H200. Activation loads queue behind prefetched weights, so more tokens get
/// less: with 256 a long layer lost more than it gained. Small weights get a fifth of their size,
/// since 4096 x 4096 lost 10 % and more by the amount that suits large ones.
std::int64_t bytes_to_prefetch(const DeviceInfo& device, const QuantizedLinearDescriptor& problem) {
  constexpr std::int64_t kShare = 5;
  if (problem.m == 0 || problem.m > 128) return 0;
  const double idle_clocks = problem.m <= 16 ? 4000 : problem.m <= 64 ? 2500 : 1500;
  return std::min(static_cast<std::int64_t>(idle_clocks * device.memory_bytes_per_clock),
                  problem.c_out * problem.k / kShare);
}

/// Prefetches what the first tiles of `choice` read first of their weights: up to 14 % of a layer's
/// time on an H100.
void choose_prefetch(const DeviceInfo& device, const QuantizedLinearDescriptor& problem,
                     GemmChoice& choice) {
  constexpr std::int64_t kLine = kernels::kCacheLineBytes;
  if (choice.kernel == nullptr || choice.kernel->backend != KernelBackend::Wgmma) return;
  const std::int64_t bytes = bytes_to_prefetch(device, problem);
  if (bytes == 0) return;
  const GemmKernel& kernel = *choice.kernel;
  const std::int64_t blocks_of_row =
      choice.split_k * kernels::tile_count(problem.m, 1, kernel.tile_m, 1);
  const std::int64_t tiles =
      std::max<std::int64_t>(1, blocks_at_once(kernel, device, choice.split_k) / blocks_of_row);
  const std::int64_t rows =
      std::min(problem.c_out, tiles * weight_rows_of_tile(kernel, device, problem, choice.split_k));
  const std::int64_t pieces = rows * choice.split_k;
  const std::int64_t lines = std::max<std::int64_t>(1, bytes / (pieces * kLine));
  choice.prefetched_rows = rows;
  choice.prefetched_bytes = std::min(lines, problem.k / choice.split_k / kLine) * kLine;
}

/// Returns whether the GEMM's blocks should launch early (PDL). Blocks that start as quantize
/// blocks exit land scattered over the GPU; a plain launch places neighbours together, which share
/// more of the L2. From about 300 us of GEMM on the plain launch wins: by up to 10 % of a layer on
/// an H100 and 5 % on an H200, both at their power limit.
bool early_places_pay(const DeviceInfo& device, const QuantizedLinearDescriptor& problem,
                      const GemmChoice& choice) {
  constexpr double kLongClocks = 600e3;
  return choice.kernel == nullptr ||
         expected_clocks(*choice.kernel, device, problem, choice.split_k) < kLongClocks;
}

/// Returns whether quantize blocks should be limited per SM. After a GEMM like `choice` of the
/// previous layer they would pile up on the SMs that it leaves first, which costs up to 3 us of a
/// layer of 512 tokens on an H200. With fewer tokens the limit gave nothing, and where quantize
/// blocks fit beside the GEMM's it costs their early start.
bool rows_would_crowd(const QuantizedLinearDescriptor& problem, const GemmChoice& choice) {
  constexpr std::int64_t kFewTokens = 256;
  return choice.kernel != nullptr && choice.kernel->fills_multiprocessor && problem.m > kFewTokens;
}

void log_selection(const LinearState& state, const Origins& origins) {
  const auto& d = state.descriptor;
  const auto describe = [](const GemmChoice& choice, ChoiceOrigin origin) {
    return choice.kernel == nullptr
               ? std::string("none")
               : formatted("{} ({}, split_k {}, workspace {} bytes)", choice.kernel->name,
                           to_string(origin), choice.split_k, choice.workspace_bytes);
  };
  const std::string passed_over =
      origins.passed_over == nullptr
          ? std::string()
          : formatted("; the tuning table's {} cannot do it", origins.passed_over->name);
  log_line(formatted(
      "qlinear: m={} c_out={} k={} {} x {} on {} SMs of device {}: quantize {} ({}), gemm {}, "
      "unaligned {}{}",
      d.m, d.c_out, d.k, to_string(d.activation_element), to_string(d.weight_element),
      state.multiprocessors, state.device, state.quantize_kernel->name, to_string(origins.quantize),
      describe(state.aligned, origins.aligned), describe(state.unaligned, origins.unaligned),
      passed_over));
}

void log_selection(const QuantizeState& state, ChoiceOrigin origin) {
  const auto& d = state.descriptor;
  log_line(formatted("qlinear: quantize m={} k={} {} on device {}: {} ({})", d.m, d.k,
                     to_string(d.activation_element), state.device, state.kernel->name,
                     to_string(origin)));
}

TuningKey tuning_key(const DeviceInfo& device, const QuantizedLinearDescriptor& problem) {
  return {device.architecture,    device.multiprocessors, problem.activation_element,
          problem.weight_element, problem.c_out,          problem.k};
}

/// Chooses the kernels for `descriptor` without a look at the cache.
Result<LinearState> choose_linear(const DeviceInfo& device,
                                  const QuantizedLinearDescriptor& descriptor,
                                  const PlanPreference& preference, Origins& origins) {
  if (!kernels::kEveryPair.contains(descriptor.activation_element, descriptor.weight_element)) {
    return Status(
        StatusCode::Unsupported,
        formatted("this qlinear was built without {} activations with {} weights: rebuild "
                  "it with {}-{} in QLINEAR_TYPES, which is {}",
                  to_string(descriptor.activation_element), to_string(descriptor.weight_element),
                  to_string(descriptor.activation_element), to_string(descriptor.weight_element),
                  QLINEAR_TYPES));
  }
  const auto table = tuning_table();
  const auto entries = table == nullptr ? std::span<const TuningEntry>()
                                        : table->entries(tuning_key(device, descriptor));
  const auto quantize_choice =
      choose_quantize(device, quantize_descriptor(descriptor), preference, entries);
  if (!quantize_choice.ok()) return quantize_choice.status();
  LinearState state;
  state.descriptor = descriptor;
  state.quantize_kernel = quantize_choice.value().kernel;
  origins.quantize = quantize_choice.value().origin;
  state.device = device.ordinal;
  state.multiprocessors = device.multiprocessors;
  state.shared_bytes_per_multiprocessor = device.shared_bytes_per_multiprocessor;
  state.programmatic_dependent_launch =
      device.programmatic_families.contains(state.quantize_kernel->family);
  if (Status status = choose_gemm(device, preference, entries, state, origins); !status.ok()) {
    return status;
  }
  if (state.programmatic_dependent_launch) choose_prefetch(device, descriptor, state.aligned);
  for (GemmChoice* choice : {&state.aligned, &state.unaligned}) {
    choice->starts_early = early_places_pay(device, descriptor, *choice);
    choice->programmatic_dependent_launch =
        choice->kernel != nullptr && device.programmatic_families.contains(choice->kernel->family);
    choice->spreads_rows = rows_would_crowd(descriptor, *choice);
  }
  const bool rows_aligned = descriptor.k % kTensorMapAlignment == 0;
  const GemmChoice& expected =
      rows_aligned || state.unaligned.kernel == nullptr ? state.aligned : state.unaligned;
  if (expected.kernel == nullptr) {
    return Status(StatusCode::Unsupported,
                  formatted("no kernel takes M = {}, C_out = {}, K = {} with the preferences given "
                            "(split_k {}, max_workspace {}); a grid holds no more than 2^31 output "
                            "tiles: relax the preferences, or compute the layer in several calls",
                            descriptor.m, descriptor.c_out, descriptor.k, preference.split_k,
                            preference.max_workspace));
  }
  state.sku = make_sku(*expected.kernel, descriptor.activation_element, descriptor.weight_element);
  return state;
}

/// `select_linear` on `device`, which is limited already.
Result<LinearState> select_on(const DeviceInfo& device, const QuantizedLinearDescriptor& descriptor,
                              const PlanPreference& preference) {
  const std::uint64_t generation = tuning_generation();
  const bool is_usual = is_default(preference) && !log_enabled();
  const LinearState* known =
      is_usual ? remembered_selection(device, descriptor, generation) : nullptr;
  Origins origins;
  auto selected = known != nullptr ? Result<LinearState>(*known) : with_default_floating_point([&] {
    return choose_linear(device, descriptor, preference, origins);
  });
  if (!selected.ok()) return selected;
  LinearState& state = selected.value();
  if (is_usual && known == nullptr) remember_selection(state, generation);
  const bool forces_kernel = !preference.kernel.empty();
  state.constant_weights =
      preference.constant_weights && (forces_kernel || early_start_pays(device, state));
  if (log_enabled()) log_selection(state, origins);
  return selected;
}

bool limits(const PlanPreference& preference, const DeviceInfo& device) {
  return preference.max_sms > 0 && preference.max_sms < device.multiprocessors;
}

}  // namespace

Result<QuantizeState> select_quantize(const DeviceInfo& device,
                                      const DynamicRangeQuantizeDescriptor& descriptor,
                                      const PlanPreference& preference) {
  const auto choice =
      limits(preference, device)
          ? choose_quantize(limited_to(device, preference.max_sms), descriptor, preference)
          : choose_quantize(device, descriptor, preference);
  if (!choice.ok()) return choice.status();
  QuantizeState state;
  state.descriptor = descriptor;
  state.kernel = choice.value().kernel;
  state.device = device.ordinal;
  state.programmatic_dependent_launch = device.programmatic_families.contains(state.kernel->family);
  state.sku = make_sku(*state.kernel, descriptor.activation_element, descriptor.quantized_element);
  if (log_enabled()) log_selection(state, choice.value().origin);
  return state;
}

Result<LinearState> select_linear(const DeviceInfo& device,
                                  const QuantizedLinearDescriptor& descriptor,
                                  const PlanPreference& preference) {
  return limits(preference, device)
             ? select_on(limited_to(device, preference.max_sms), descriptor, preference)
             : select_on(device, descriptor, preference);
}

}  // namespace qlinear::detail
