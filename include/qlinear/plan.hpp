#pragma once

#include <qlinear/export.hpp>
#include <qlinear/kernel_sku.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>

#include <driver_types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

namespace qlinear {

/// Preferences for `select`. The environment variables QLINEAR_KERNEL and QLINEAR_QUANTIZE_KERNEL
/// force a kernel where the fields here are empty. `DynamicRangeQuantizePlan` takes the same
/// preferences: it checks every field and obeys `quantize_kernel`.
struct PlanPreference {
  std::string_view kernel{};  ///< Names the GEMM kernel to force.
  /// Names the quantize kernel to force. None can be where the activation is given.
  std::string_view quantize_kernel{};
  bool forbid_architecture_specific = false;  ///< Allows only kernels that run on later GPUs, too.
  /// Forces this many slices of K; 0 leaves the split to `select`, which refuses a negative one. A
  /// kernel that splits through a workspace splits the output tiles of the last, partial wave, or
  /// all tiles if no wave is partial.
  int split_k = 0;
  /// Limits the workspace, in bytes.
  std::size_t max_workspace = std::numeric_limits<std::size_t>::max();
  /// Promises that weights are never written again after load: whenever the plan's kernels are
  /// enqueued or replayed, the host has synchronised with the work that wrote `weight_q`. From
  /// compute capability 9.0 on the GEMM may then read them before earlier kernels in the stream
  /// finish, which hides the start of each layer of a chain; it does where that helps. Weights that
  /// are written earlier in the same stream need the default.
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

/// What a plan holds is the library's affair. There is more room than it needs, so that a change of
/// it changes neither a plan's size nor a program that was compiled before.
template <std::size_t Bytes>
struct PlanStorage {
  alignas(8) std::array<unsigned char, Bytes> bytes;
};

}  // namespace detail

/// A plan for one problem `y = x · Wᵀ`, with the activation quantized per row on the fly.
///
/// A plan is an immutable value: cheap to select and to copy, usable from many threads and streams
/// at once. Its calls allocate nothing on success, synchronise nothing, may be captured into a CUDA
/// graph, and launch on the device of the stream they are given, whatever device is current. They
/// stay usable after cudaDeviceReset, with new streams and memory. None of them throws: a Status
/// without memory for its message says "(out of memory)" instead.
///
/// Only the Status reports a CudaError: no call leaves an error for cudaGetLastError that was not
/// pending before. An error that was pending stays pending; the runtime keeps one, so a failure may
/// have replaced it. A failure is not remembered: the next call tries again.
///
/// Instantiated for TIn in {float, double, __half, __nv_bfloat16} and TWQ in {S8, U8}.
template <class TIn, class TWQ>
class QuantizedLinearPlan {
  static_assert(sizeof(detail::RequireActivation<TIn>) + sizeof(detail::RequireWeight<TWQ>) > 0);

 public:
  using Args = QuantizedLinearArgs<TIn, TWQ>;

  /// Chooses kernels for `descriptor` on the device of `stream`. `stream` may be being captured:
  /// the capture goes on. Launches nothing; after the first call for a device it neither queries
  /// that device nor allocates.
  /// Errors: InvalidProblem (sizes, range, element kinds that differ from TIn and TWQ, a negative
  /// split of K), Unsupported (K above `max_k`, a forced kernel that does not exist or cannot do
  /// the problem, a GPU that no compiled architecture serves), CudaError.
  static Result<QuantizedLinearPlan> select(cudaStream_t stream,
                                            const QuantizedLinearDescriptor& descriptor,
                                            const PlanPreference& preference = {}) noexcept;

  /// Checks everything that `run` checks but the stream and the workspace. Touches no device.
  Status can_implement(const Args& args) const noexcept;

  /// Returns the bytes of workspace that `run` and `multiply` use, often 0. An empty `Workspace` is
  /// taken all the same: the kernel then runs without splitting K, with the same bits, perhaps
  /// slower.
  std::size_t workspace_size() const noexcept;

  /// Returns the GEMM kernel that was chosen for rows without padding that begin on 16-byte
  /// boundaries. Arguments aligned differently may run another kernel, with the same bits.
  const KernelSku& sku() const noexcept;
  PrecisionGuarantee precision_guarantee() const noexcept { return sku().precision_guarantee; }
  /// As given to `select`, with the element kinds of the template arguments.
  const QuantizedLinearDescriptor& descriptor() const noexcept;

  /// Enqueues both kernels on `stream`, or where the activation is given, what `multiply` does. On
  /// an error nothing has been launched and nothing written, except that a CudaError may come from
  /// the second launch. From compute capability 9.0 on, the quantize kernel may prefetch weights
  /// and activation to the L2 while earlier kernels still run. That is a hint only: those kernels
  /// may write both.
  Status run(cudaStream_t stream, Workspace workspace, const Args& args) const noexcept;

  /// Runs the first half of `run`: quantizes the activation into `act_q_scratch` and
  /// `act_scale_scratch`. Errors: InvalidProblem, too, where the activation is given.
  Status quantize_activation(cudaStream_t stream, const Args& args) const noexcept;

  /// Runs the second half of `run`: computes the output from the scratch that a
  /// `quantize_activation` with the same M, K, range, source and scale filled, on this stream or
  /// one ordered after it, or from the activation that is given. Does not read `activation`.
  Status multiply(cudaStream_t stream, Workspace workspace, const Args& args) const noexcept;

  /// Enqueues `count` layers of one activation, such as q, k and v: `run` of the first, and of each
  /// other `multiply`. `plans[i]` takes `args[i]`, whose activation and scratch, with the tensors
  /// of source and scale, are those of `args[0]`. Plans run one after another, so they share a
  /// workspace of the largest `workspace_size()`, or take an empty one. Errors: those of `run`,
  /// before anything is launched, and InvalidProblem (plans of several devices, or that quantize
  /// differently: all but `c_out` and the epilogue must agree; an activation that is not that of
  /// `args[0]`; an output that overlaps a tensor of another layer).
  static Status run_shared(cudaStream_t stream, Workspace workspace,
                           const QuantizedLinearPlan* plans, const Args* args,
                           std::size_t count) noexcept;

 private:
  using Storage = detail::PlanStorage<384>;
  explicit QuantizedLinearPlan(const Storage& storage) noexcept : storage_(storage) {}
  Storage storage_;
};

/// A plan for the quantize pass alone, with the promises of `QuantizedLinearPlan`. Instantiated for
/// the four TIn and TQ = S8.
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
  const KernelSku& sku() const noexcept;
  PrecisionGuarantee precision_guarantee() const noexcept { return sku().precision_guarantee; }
  const DynamicRangeQuantizeDescriptor& descriptor() const noexcept;
  /// Needs no workspace: memory that is given is not touched.
  Status run(cudaStream_t stream, Workspace workspace, const Args& args) const noexcept;

 private:
  using Storage = detail::PlanStorage<192>;
  explicit DynamicRangeQuantizePlan(const Storage& storage) noexcept : storage_(storage) {}
  Storage storage_;
};

/// A plan for quantizing an activation and dequantizing it again, which is what a network that is
/// trained for quantization sees of it: `output[m,k] = (q[m,k] - zero_point[m]) * scale[m]`,
/// rounded to C and then to TIn, with the q, scales and zero points of `DynamicRangeQuantizePlan`
/// for the same descriptor, and so of a layer. They are written as by that plan. With the promises
/// of `QuantizedLinearPlan`. Instantiated for the four TIn.
template <class TIn>
class FakeQuantizePlan {
  static_assert(std::is_empty_v<detail::RequireActivation<TIn>>);

 public:
  using Args = FakeQuantizeArgs<TIn>;

  static Result<FakeQuantizePlan> select(cudaStream_t stream,
                                         const DynamicRangeQuantizeDescriptor& descriptor,
                                         const PlanPreference& preference = {}) noexcept;
  Status can_implement(const Args& args) const noexcept;
  std::size_t workspace_size() const noexcept { return 0; }
  /// The quantize kernel.
  const KernelSku& sku() const noexcept;
  PrecisionGuarantee precision_guarantee() const noexcept { return sku().precision_guarantee; }
  const DynamicRangeQuantizeDescriptor& descriptor() const noexcept;
  /// Enqueues two kernels. Needs no workspace: memory that is given is not touched. On an error
  /// nothing has been launched and nothing written, except that a CudaError may come from the
  /// second launch.
  Status run(cudaStream_t stream, Workspace workspace, const Args& args) const noexcept;

 private:
  using Storage = detail::PlanStorage<192>;
  explicit FakeQuantizePlan(const Storage& storage) noexcept : storage_(storage) {}
  Storage storage_;
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
extern template class QLINEAR_API FakeQuantizePlan<__half>;
extern template class QLINEAR_API FakeQuantizePlan<__nv_bfloat16>;
extern template class QLINEAR_API FakeQuantizePlan<float>;
extern template class QLINEAR_API FakeQuantizePlan<double>;

}  // namespace qlinear
