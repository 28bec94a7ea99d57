#include "tune/layer_problem.hpp"

#include "support/failure.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <qlinear/kernels.hpp>
#include <qlinear/plan.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <utility>

namespace qlinear::tools {
namespace {

constexpr int kMaxSplit = 64;  ///< No kernel splits further.

/// Fills memory with `values` again and again.
template <class T>
void fill(const DeviceMemory& memory, const std::vector<T>& values) {
  const std::size_t bytes = values.size() * sizeof(T);
  for (std::size_t at = 0; at < memory.bytes(); at += bytes) {
    check(cudaMemcpy(memory.data() + at, values.data(), std::min(bytes, memory.bytes() - at),
                     cudaMemcpyHostToDevice));
  }
}

std::vector<S8> random_weights() {
  std::minstd_rand random;
  std::vector<S8> values(std::size_t{1} << 16);
  for (S8& value : values) value = static_cast<S8>(static_cast<int>(random() >> 8) % 255 - 127);
  return values;
}

template <class T>
std::vector<T> random_activations() {
  std::minstd_rand random;
  std::normal_distribution<float> normal;
  std::vector<T> values(std::size_t{1} << 14);
  for (T& value : values) value = static_cast<T>(normal(random));
  return values;
}

std::size_t size_of(std::int64_t elements, std::size_t element) {
  return static_cast<std::size_t>(elements) * element;
}

/// The distance of rows of `columns` elements, padded to 16 bytes: kernels that copy more than an
/// element at once need it, and an engine that wants the fastest one has it.
std::int64_t row_stride(std::int64_t columns, std::size_t element) {
  const auto unit = std::int64_t{16} / static_cast<std::int64_t>(element);
  return (columns + unit - 1) / unit * unit;
}

template <class T>
std::size_t padded_bytes(std::int64_t rows, std::int64_t columns) {
  return size_of(rows * row_stride(columns, sizeof(T)), sizeof(T));
}

/// A matrix with padded rows.
template <class T>
auto padded(T* data, std::int64_t rows, std::int64_t columns) {
  auto tensor = matrix(data, rows, columns);
  tensor.stride[0] = row_stride(columns, sizeof(T));
  return tensor;
}

template <class T>
class TypedProblem : public LayerProblem {
 public:
  TypedProblem(const LayerShape& layer, std::int64_t m, const Gpu& gpu, cudaStream_t stream)
      : stream_(stream),
        descriptor_{m, layer.n, layer.k},
        copies_(copies(layer, gpu)),
        weight_(padded_bytes<S8>(layer.n, layer.k) * static_cast<std::size_t>(copies_)),
        weight_scale_(size_of(layer.n, sizeof(scale_t<T>))),
        activation_(padded_bytes<T>(m, layer.k)),
        output_(padded_bytes<T>(m, layer.n)),
        quantized_(padded_bytes<S8>(m, layer.k)),
        activation_scale_(size_of(m, sizeof(scale_t<T>))) {
    fill(weight_, random_weights());
    fill(weight_scale_, std::vector<scale_t<T>>{scale_t<T>{1} / 1024});
    fill(activation_, random_activations<T>());
  }

  std::vector<KernelChoice> candidates() override {
    const Plan chosen = value_of(Plan::select(stream_, descriptor_));
    std::size_t workspace = chosen.workspace_size();
    std::vector<KernelChoice> found{{chosen.sku().name, 0, ""}};
    for (const KernelSku& sku : registered_kernels()) {
      if (sku.category != KernelCategory::Gemm) continue;
      for (int split_k = 1; split_k <= kMaxSplit; ++split_k) {
        KernelChoice choice{sku.name, split_k, ""};
        const Result<Plan> plan = select(choice);
        if (!plan.ok()) break;
        workspace = std::max(workspace, plan.value().workspace_size());
        found.push_back(std::move(choice));
      }
    }
    workspace_ = DeviceMemory(workspace);
    return found;
  }

  std::vector<KernelChoice> quantize_candidates(const KernelChoice& choice) const override {
    std::vector<KernelChoice> found;
    for (const KernelSku& sku : registered_kernels()) {
      KernelChoice with = choice;
      with.quantize = sku.name;
      if (sku.category == KernelCategory::Quantize && select(with).ok()) found.push_back(with);
    }
    return found;
  }

  CallGraph graph(const KernelChoice& choice, double seconds) override {
    const Plan plan = value_of(select(choice));
    const EnqueueCall enqueue = [this, plan](cudaStream_t stream, int call) {
      check(plan.run(stream, {workspace_.data(), workspace_.bytes()}, args(call)));
    };
    CallGraph once(stream_, copies_, enqueue);
    if (seconds <= 0) return once;
    const double rounds = std::ceil(seconds / (once.seconds(stream_, 1) * copies_));
    if (!(rounds > 1)) return once;
    return {stream_, copies_ * static_cast<int>(std::min(rounds, 256.0)), enqueue};
  }

 private:
  using Plan = QuantizedLinearPlan<T, S8>;

  static int copies(const LayerShape& layer, const Gpu& gpu) {
    const auto bytes = static_cast<double>(layer.n) * static_cast<double>(layer.k);
    const double fitting = 0.5 * static_cast<double>(gpu.memory_bytes) / bytes;
    const double wanted = std::ceil(3 * static_cast<double>(gpu.l2_bytes) / bytes);
    return static_cast<int>(std::max(1.0, std::min({wanted, fitting, 512.0})));
  }

  /// Where the split is 0 the kernel is not forced: it is the choice of the cost model.
  Result<Plan> select(const KernelChoice& choice) const {
    PlanPreference preference;
    if (choice.split_k > 0) {
      preference.kernel = choice.gemm;
      preference.split_k = choice.split_k;
    }
    preference.quantize_kernel = choice.quantize;
    return Plan::select(stream_, descriptor_, preference);
  }

  typename Plan::Args args(int call) const {
    const auto [m, n, k] = std::array{descriptor_.m, descriptor_.c_out, descriptor_.k};
    const auto* weight = reinterpret_cast<const S8*>(weight_.data()) +
                         (call % copies_) * n * row_stride(k, sizeof(S8));
    return {padded(reinterpret_cast<const T*>(activation_.data()), m, k),
            padded(weight, n, k),
            vector(reinterpret_cast<const scale_t<T>*>(weight_scale_.data()), n),
            padded(reinterpret_cast<T*>(output_.data()), m, n),
            padded(reinterpret_cast<S8*>(quantized_.data()), m, k),
            vector(reinterpret_cast<scale_t<T>*>(activation_scale_.data()), m)};
  }

  cudaStream_t stream_;
  QuantizedLinearDescriptor descriptor_;
  int copies_;
  DeviceMemory weight_;
  DeviceMemory weight_scale_;
  DeviceMemory activation_;
  DeviceMemory output_;
  DeviceMemory quantized_;
  DeviceMemory activation_scale_;
  DeviceMemory workspace_;
};

}  // namespace

std::unique_ptr<LayerProblem> make_layer_problem(ElementKind activation, const LayerShape& layer,
                                                 std::int64_t m, const Gpu& gpu,
                                                 cudaStream_t stream) {
  switch (activation) {
    case ElementKind::F16:
      return std::make_unique<TypedProblem<__half>>(layer, m, gpu, stream);
    case ElementKind::F32:
      return std::make_unique<TypedProblem<float>>(layer, m, gpu, stream);
    case ElementKind::F64:
      return std::make_unique<TypedProblem<double>>(layer, m, gpu, stream);
    default:
      return std::make_unique<TypedProblem<__nv_bfloat16>>(layer, m, gpu, stream);
  }
}

}  // namespace qlinear::tools
