#pragma once

#include <qlinear/export.hpp>
#include <qlinear/kernel_sku.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>

#include <driver_types.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace qlinear {

/// Wishes for `select`. The environment variables QLINEAR_KERNEL and QLINEAR_QUANTIZE_KERNEL force
/// a kernel where the fields here are empty. `DynamicRangeQuantizePlan` checks every field and
/// obeys `quantize_kernel`, so that both plans take the same preferences.
struct PlanPreference {
  std::string_view kernel{};                  ///< Name of the GEMM kernel to force.
  std::string_view quantize_kernel{};         ///< Name of the quantize kernel to force.
  bool forbid_architecture_specific = false;  ///< Only kernels that run on later GPUs, too.
  /// Slices of K to force, from 1 on; 0 leaves them to select, and less is refused. Kernels that
  /// need a workspace for it split the output tiles that fill no wave of blocks, or all if there
  /// are no others.
  int split_k = 0;
  std::size_t max_workspace = std::numeric_limits<std::size_t>::max();  ///< In bytes.
  /// A promise: whenever the plan's kernels are enqueued or replayed, `weight_q` has been written
  /// for good, by work that the host has synchronised with (weights that were loaded once). From
  /// compute capability 9.0 on the GEMM may then begin to read them while its predecessors in the
  /// stream still run, which hides the start of each layer of a chain; it does where that helps.
  /// Weights that are written in the same stream just before need the default.
  bool constant_weights = false;
  /// SMs that the plan is meant for, as those of a green context or those that communication
  /// leaves; 0, or more than the GPU has, for all of them. Kernels are chosen as for a GPU of so
  /// many SMs with the same memory. Kernels whose blocks walk over tiles (those that TMA feeds:
  /// `wgmma_...` without a split of K, and `mma_m16n8k32_tma_...`) launch no more blocks than so
  /// many SMs hold at once; those whose clusters need more are not chosen, and refused where
  /// forced. A split of K that select leaves to itself is no wider. Not limited are grids of a
  /// block a tile (all other GEMM kernels, and a split of K that is forced on `wgmma_...`), of a
  /// block some rows (the quantize kernels), and the SMs that blocks run on. Less than 0 is
  /// refused.
  int max_sms = 0;
};

namespace detail {

struct QuantizeKernel;
struct GemmKernel;

struct QuantizeState {
  DynamicRangeQuantizeDescriptor descriptor;
  const QuantizeKernel* kernel = nullptr;
  int device = 0;
  bool programmatic_dependent_launch = false;
  KernelSku sku;
};

struct GemmChoice {
  const GemmKernel* kernel = nullptr;
  int split_k = 1;
  std::int64_t split_tiles = 0;  ///< Output tiles that a workspace is needed for, the last ones.
  std::size_t workspace_bytes = 0;
  /// Weights that the quantize kernel brings to the L2: of so many rows, and of each slice of K so
  /// many bytes.
  std::int64_t prefetched_rows = 0;
  std::int64_t prefetched_bytes = 0;
  bool spreads_rows = false;  ///< The quantize kernel's blocks, evenly over the multiprocessors.
  bool starts_early = true;   ///< Its blocks may take their places while rows are still quantized.
};

struct LinearState {
  QuantizedLinearDescriptor descriptor;
  const QuantizeKernel* quantize_kernel = nullptr;
  GemmChoice aligned;  ///< Runs where pointers and row strides are 16-byte aligned,
  GemmChoice
      unaligned;  ///< and this one where they are not; no kernel if one that cannot is forced.
  int device = 0;
  int multiprocessors = 0;
  std::size_t shared_bytes_per_multiprocessor = 0;
  bool programmatic_dependent_launch = false;
  bool constant_weights = false;
  KernelSku sku;
};

}  // namespace detail

/// `y = x · Wᵀ` with the activation quantized per row on the fly, as a plan for one problem.
///
/// A plan is an immutable value: cheap to select and to copy, usable from many threads and streams
/// at once. Its calls allocate nothing on success, synchronise nothing, may be captured into a CUDA
/// graph, and launch on the device of the stream they are given, whatever device is current. They
/// stay usable after cudaDeviceReset, with new streams and memory. None of them throws: a Status
/// without memory for its message says "(out of memory)" instead.
///
/// A CudaError is told by the Status alone: no call leaves an error for cudaGetLastError that was
/// not pending before. An error that was stays pending; the runtime keeps one, so that a failure
/// may have replaced it. A failure is not remembered: the next call tries again.
///
/// Instantiated for TIn in {float, double, __half, __nv_bfloat16} and TWQ in {S8, U8}.
template <class TIn, class TWQ>
class QuantizedLinearPlan {
  static_assert(sizeof(detail::RequireActivation<TIn>) + sizeof(detail::RequireWeight<TWQ>) > 0);

 public:
  using Args = QuantizedLinearArgs<TIn, TWQ>;

  /// Chooses kernels for `descriptor` on the device of `stream`, which may be being captured: the
  /// capture goes on. Launches nothing; after the first
  /// call for a device it neither queries that device nor allocates.
  /// Errors: InvalidProblem (sizes, range, element kinds that differ from TIn and TWQ, a negative
  /// split of K), Unsupported (K above `max_k`, a forced kernel that does not exist or cannot do
  /// the problem, a GPU that no compiled architecture serves), CudaError.
  static Result<QuantizedLinearPlan> select(cudaStream_t stream,
                                            const QuantizedLinearDescriptor& descriptor,
                                            const PlanPreference& preference = {}) noexcept;

  /// Checks everything that `run` checks but the stream and the workspace. Touches no device.
  Status can_implement(const Args& args) const noexcept;

  /// Bytes of workspace that `run` and `multiply` use, often 0. An empty `Workspace` is taken all
  /// the same: the kernel then runs without splitting K, with the same bits, perhaps slower.
  std::size_t workspace_size() const noexcept {
    const std::size_t aligned = state_.aligned.workspace_bytes;
    const std::size_t unaligned = state_.unaligned.workspace_bytes;
    return aligned > unaligned ? aligned : unaligned;
  }

  /// The GEMM kernel, as chosen for tensors without padding between rows that begin on 16-byte
  /// boundaries. Arguments aligned differently may run another kernel, with the same bits.
  const KernelSku& sku() const noexcept { return state_.sku; }
  PrecisionGuarantee precision_guarantee() const noexcept { return state_.sku.precision_guarantee; }
  const QuantizedLinearDescriptor& descriptor() const noexcept { return state_.descriptor; }

  /// Enqueues both kernels on `stream`. On an error nothing has been launched and nothing written,
  /// except that a CudaError may come from the second launch. From compute capability 9.0 on, the
  /// first of them may have the L2 fetch weights and activation while kernels before it still run,
  /// as a hint only: both may be written until those have ended.
  Status run(cudaStream_t stream, Workspace workspace, const Args& args) const noexcept;

  /// First half of `run`: activation to `act_q_scratch` and `act_scale_scratch`. Reads no other
  /// member of `args`.
  Status quantize_activation(cudaStream_t stream, const Args& args) const noexcept;

  /// Second half of `run`: output from the scratch that a `quantize_activation` with the same M, K
  /// and range filled, on this stream or one ordered after it. Does not read `activation`.
  Status multiply(cudaStream_t stream, Workspace workspace, const Args& args) const noexcept;

 private:
  explicit QuantizedLinearPlan(const detail::LinearState& state) : state_(state) {}
  detail::LinearState state_;
};

/// The quantize pass alone, with the promises of `QuantizedLinearPlan`. Instantiated for the four
/// TIn and TQ = S8.
template <class TIn, class TQ>
class DynamicRangeQuantizePlan {
  static_assert(sizeof(detail::RequireActivation<TIn>) + sizeof(detail::RequireQuantized<TQ>) > 0);

 public:
  using Args = DynamicRangeQuantizeArgs<TIn, TQ>;

  static Result<DynamicRangeQuantizePlan> select(cudaStream_t stream,
                                                 const DynamicRangeQuantizeDescriptor& descriptor,
                                                 const PlanPreference& preference = {}) noexcept;
  Status can_implement(const Args& args) const noexcept;
  std::size_t workspace_size() const noexcept { return 0; }
  const KernelSku& sku() const noexcept { return state_.sku; }
  PrecisionGuarantee precision_guarantee() const noexcept { return state_.sku.precision_guarantee; }
  const DynamicRangeQuantizeDescriptor& descriptor() const noexcept { return state_.descriptor; }
  /// Needs no workspace: memory that is given is not touched.
  Status run(cudaStream_t stream, Workspace workspace, const Args& args) const noexcept;

 private:
  explicit DynamicRangeQuantizePlan(const detail::QuantizeState& state) : state_(state) {}
  detail::QuantizeState state_;
};

extern template class QLINEAR_API QuantizedLinearPlan<__half, S8>;
extern template class QLINEAR_API QuantizedLinearPlan<__half, U8>;
extern template class QLINEAR_API QuantizedLinearPlan<__nv_bfloat16, S8>;
extern template class QLINEAR_API QuantizedLinearPlan<__nv_bfloat16, U8>;
extern template class QLINEAR_API QuantizedLinearPlan<float, S8>;
extern template class QLINEAR_API QuantizedLinearPlan<float, U8>;
extern template class QLINEAR_API QuantizedLinearPlan<double, S8>;
extern template class QLINEAR_API QuantizedLinearPlan<double, U8>;
extern template class QLINEAR_API DynamicRangeQuantizePlan<__half, S8>;
extern template class QLINEAR_API DynamicRangeQuantizePlan<__nv_bfloat16, S8>;
extern template class QLINEAR_API DynamicRangeQuantizePlan<float, S8>;
extern template class QLINEAR_API DynamicRangeQuantizePlan<double, S8>;

}  // namespace qlinear
