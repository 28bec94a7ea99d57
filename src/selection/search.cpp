#include <selection/search.hpp>

#include <base/format.hpp>
#include <selection/cost_model.hpp>

#include <array>

namespace qlinear::detail {
namespace {

constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 12, 16};

/// Makes `best` the candidate of `kernel` with K in `split_k` slices if that is faster. Returns
/// false where K may not be split so.
bool consider(const GemmKernel& kernel, const GemmRequest& request, int split_k, Candidate& best) {
  const auto tiling = split_tiling(kernel, request, split_k);
  if (!tiling) return false;
  const double clocks = expected_clocks(kernel, request.device, request.problem, *tiling);
  if (clocks < best.clocks) best = {&kernel, *tiling, clocks};
  return true;
}

/// Considers `kernel` with every split of K that is preferred.
void consider_splits(const GemmKernel& kernel, const GemmRequest& request, Candidate& best) {
  if (request.preference.split_k != 0) {
    consider(kernel, request, request.preference.split_k, best);
    return;
  }
  for (const int split_k : kSplits) {
    if (!consider(kernel, request, split_k, best)) return;
  }
}

/// Returns whether `device` runs a family that always beats `kernel`.
bool is_superseded(const GemmKernel& kernel, const DeviceInfo& device) {
  return kernel.family == KernelFamily::MmaM8N8K16 &&
         device.families.contains(KernelFamily::MmaM16N8K32);
}

/// Returns the fastest kernel of the fastest instruction that takes the problem: wgmma beats
/// mma.sync wherever both do, and mma.sync beats dp4a. Of mma.sync's kernels those that need
/// alignment beat the others.
Candidate fastest_gemm(const GemmRequest& request, int alignment) {
  for (const auto backend : {KernelBackend::Wgmma, KernelBackend::MmaSync, KernelBackend::Dp4a}) {
    Candidate best;
    for (const GemmKernel& kernel : gemm_kernels()) {
      if (kernel.backend != backend || kernel.alignment > alignment) continue;
      if (best.kernel != nullptr && best.kernel->alignment > kernel.alignment) continue;
      if (is_superseded(kernel, request.device) || !can_do(kernel, request)) continue;
      consider_splits(kernel, request, best);
    }
    if (best.kernel != nullptr) return best;
  }
  return {};
}

/// Returns what `entry` asks for, or no kernel where that cannot be done as preferred.
Candidate tuned_candidate(const TuningEntry& entry, const GemmRequest& request) {
  const int preferred = request.preference.split_k;
  if (preferred != 0 && preferred != entry.split_k) return {};
  PlanPreference exact = request.preference;
  exact.split_k = entry.split_k;
  const GemmRequest exact_request{request.device, request.problem, exact};
  if (!can_do(*entry.kernel, exact_request)) return {};
  Candidate candidate;
  consider(*entry.kernel, exact_request, entry.split_k, candidate);
  return candidate;
}

}  // namespace

Finding find_gemm(const GemmRequest& request, int alignment, std::span<const TuningEntry> entries) {
  Finding finding;
  for (; !entries.empty(); entries = entries.first(entries.size() - 1)) {
    const TuningEntry& entry = entries.back();
    if (!entry.covers(request.problem.m) || entry.kernel->alignment > alignment) continue;
    finding.candidate = tuned_candidate(entry, request);
    if (finding.candidate.kernel != nullptr) {
      finding.origin = ChoiceOrigin::Table;
      return finding;
    }
    if (finding.passed_over == nullptr) finding.passed_over = entry.kernel;
  }
  finding.candidate = fastest_gemm(request, alignment);
  return finding;
}

Result<Candidate> forced_gemm(const GemmRequest& request, const ForcedKernel& forced) {
  const GemmKernel* kernel = find_gemm_kernel(forced.name);
  if (kernel == nullptr) return unknown_kernel(forced, gemm_kernels());
  if (!can_do(*kernel, request)) return refused(forced, obstacle(*kernel, request));
  Candidate best;
  consider_splits(*kernel, request, best);
  if (best.kernel == nullptr) {
    return refused(forced, formatted("cannot split K = {} into PlanPreference::split_k = {} slices "
                                     "within PlanPreference::max_workspace = {} bytes",
                                     request.problem.k, request.preference.split_k,
                                     request.preference.max_workspace));
  }
  return best;
}

}  // namespace qlinear::detail
