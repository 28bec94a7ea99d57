#include <selection/quantize_selection.hpp>

#include <base/format.hpp>
#include <runtime/cluster_occupancy.hpp>
#include <validation/plain_pass.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace qlinear::detail {
namespace {

/// Longer rows need so many threads without clusters that no GEMM block fits beside them and, with
/// a source, more than a block has.
constexpr std::int64_t kVeryLongRow = 16384;

bool clusters_fit(const QuantizeKernel& kernel, const DeviceInfo& device) {
  return kernel.cluster_blocks == nullptr || device.clusters_at_once.front().back() > 0;
}

/// The longest row that `kernel` takes with the source and scale of `problem`.
std::int64_t largest_k(const QuantizeKernel& kernel,
                       const DynamicRangeQuantizeDescriptor& problem) {
  return is_plain(problem) ? kernel.max_k(problem.activation_element)
                           : kernel.fused_max_k(problem.activation_element, problem.source.kind);
}

bool can_do(const QuantizeKernel& kernel, const DeviceInfo& device,
            const DynamicRangeQuantizeDescriptor& problem) {
  return device.families.contains(kernel.family) && clusters_fit(kernel, device) &&
         problem.k <= largest_k(kernel, problem);
}

/// Returns whether `kernel`, with clusters, is worth choosing. Clusters pay for long rows, as long
/// as the clusters of all rows run at once: with one block per SM or, for very long rows, with
/// about four, taken as twice the clusters of two blocks per SM. On an H200 the latter is 64
/// clusters of seven blocks: with 28672 columns, 72 rows took 19 % longer with clusters than
/// without, and 64 rows 10 % less. Of gated rows, whose arithmetic a cluster spreads over more SMs,
/// it is twice as many: a Llama-8B layer of 64 tokens took 5 % less.
bool clusters_pay(const QuantizeKernel& kernel, const DeviceInfo& device,
                  const DynamicRangeQuantizeDescriptor& problem) {
  // With a source a thread holds a quarter of what it holds without one.
  constexpr std::int64_t kLongFusedRow = 4096;
  if (problem.k <= (is_plain(problem) ? kLongRow : kLongFusedRow)) return false;
  const int blocks = kernel.cluster_blocks(problem.k);
  const std::int64_t rounds = problem.source.kind == SourceKind::Gated ? 2 : 1;
  if (problem.k <= kVeryLongRow) return problem.m <= rounds * (device.num_sms / blocks);
  const std::int64_t clusters_by_twos =
      device.clusters_at_once.back()[static_cast<std::size_t>(blocks)];
  return problem.m <= rounds * 2 * clusters_by_twos;
}

/// Returns whether a kernel that can do `problem` is worth choosing. A row in shared memory pays
/// where registers do not hold it, and for many rows of which an SM holds one in registers; the
/// plain pass keeps four times as much in them. On an H200 a Llama-70B layer of 256 tokens took 6 %
/// less than with two passes, and a Llama-8B layer of 4096 tokens 2 % less than with registers.
bool suits(const QuantizeKernel& kernel, const DeviceInfo& device,
           const DynamicRangeQuantizeDescriptor& problem) {
  constexpr std::int64_t kManyRows = 512;
  constexpr std::int64_t kRowOfHalfAnSm = 8192;
  if (kernel.cluster_blocks != nullptr) return clusters_pay(kernel, device, problem);
  if (!kernel.uses_shared_memory) return true;
  if (is_plain(problem)) return false;
  return problem.k > kVeryLongRow || (problem.k > kRowOfHalfAnSm && problem.m >= kManyRows);
}

/// Explains why `can_do` refused.
std::string obstacle(const QuantizeKernel& kernel, const DeviceInfo& device,
                     const DynamicRangeQuantizeDescriptor& problem) {
  if (device.architecture < kernel.architecture) {
    return formatted("needs compute capability {}.{} and device {} has {}.{}",
                     kernel.architecture / 10, kernel.architecture % 10, device.ordinal,
                     device.architecture / 10, device.architecture % 10);
  }
  if (!device.families.contains(kernel.family)) {
    return formatted("was compiled for {} alone and device {} has compute capability {}.{}",
                     compiled_for(kernel.family), device.ordinal, device.architecture / 10,
                     device.architecture % 10);
  }
  if (!clusters_fit(kernel, device)) {
    return formatted("needs clusters of {} blocks, which device {} does not run",
                     kernels::kMaxClusterBlocks, device.ordinal);
  }
  if (largest_k(kernel, problem) < 0) {
    return formatted("has no code for source {} with scale {}{} of {}",
                     to_string(problem.source.kind), to_string(problem.scale.kind),
                     problem.sums ? " and sums" : "", to_string(problem.activation_element));
  }
  return formatted("takes K up to {} and K is {}", largest_k(kernel, problem), problem.k);
}

const QuantizeKernel* tuned_kernel(const DeviceInfo& device,
                                   const DynamicRangeQuantizeDescriptor& problem,
                                   std::span<const TuningEntry> entries) {
  for (; !entries.empty(); entries = entries.first(entries.size() - 1)) {
    const TuningEntry& entry = entries.back();
    const QuantizeKernel* kernel = entry.quantize_kernel;
    if (entry.covers(problem.m) && kernel != nullptr && can_do(*kernel, device, problem)) {
      return kernel;
    }
  }
  return nullptr;
}

}  // namespace

Result<QuantizeChoice> choose_quantize(const DeviceInfo& device,
                                       const DynamicRangeQuantizeDescriptor& problem,
                                       const ForcedKernel& forced,
                                       std::span<const TuningEntry> entries) {
  if (!kernels::kEveryPair.contains_activation(problem.activation_element)) {
    return Status(StatusCode::Unsupported,
                  formatted("this qlinear was built without {} activations: rebuild it with a pair "
                            "of them in QLINEAR_TYPES, which is {}",
                            to_string(problem.activation_element), QLINEAR_TYPES));
  }
  if (!forced.name.empty()) {
    const QuantizeKernel* kernel = find_quantize_kernel(forced.name);
    if (kernel == nullptr) return unknown_kernel(forced, quantize_kernels());
    if (!can_do(*kernel, device, problem)) {
      return refused(forced, obstacle(*kernel, device, problem));
    }
    return QuantizeChoice{kernel, ChoiceOrigin::Forced};
  }
  if (const QuantizeKernel* kernel = tuned_kernel(device, problem, entries); kernel != nullptr) {
    return QuantizeChoice{kernel, ChoiceOrigin::Table};
  }
  for (const auto& kernel : quantize_kernels()) {
    if (can_do(kernel, device, problem) && suits(kernel, device, problem)) {
      return QuantizeChoice{&kernel, ChoiceOrigin::Model};
    }
  }
  return Status(StatusCode::Unsupported,
                formatted("no quantize kernel takes M = {}, K = {}", problem.m, problem.k));
}

}  // namespace qlinear::detail
