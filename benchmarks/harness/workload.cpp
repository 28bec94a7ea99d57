#include <benchmark/device_code.hpp>
#include <harness/workload.hpp>
#include <qlinear/plan.hpp>

#include <algorithm>

namespace qlinear::benchmark {
namespace {

/// Copies of `bytes` that together exceed the L2 cache three times, at most `limit`.
int cold_copies(double bytes, std::int64_t l2_bytes, int limit) {
  constexpr double kCacheSizes = 3;
  const double copies = kCacheSizes * static_cast<double>(l2_bytes) / bytes;
  return std::clamp(static_cast<int>(copies) + 1, 1, limit);
}

int cold_weight_copies(const LayerShape& layer, std::int64_t l2_bytes, int element_bytes) {
  constexpr int kMaxCopies = 64;
  return cold_copies(static_cast<double>(layer.n * layer.k * element_bytes), l2_bytes, kMaxCopies);
}

// Activations of a few tokens fit the L2 many times over and are warm in a model as well.
constexpr int kMaxActivationCopies = 32;

constexpr std::uint32_t kWeightSeed = 1;
constexpr std::uint32_t kScaleSeed = 2;
constexpr std::uint32_t kActivationSeed = 3;

template <class T>
T* copy_of_call(const DeviceBuffer<T>& buffer, int call, std::int64_t elements) {
  return buffer.data() + call % (buffer.count() / elements) * elements;
}

}  // namespace

LayerWeights::LayerWeights(const LayerShape& layer, std::int64_t l2_bytes, cudaStream_t stream)
    : layer_(layer),
      copies_(cold_weight_copies(layer, l2_bytes, sizeof(std::int8_t))),
      bf16_copies_(cold_weight_copies(layer, l2_bytes, sizeof(Bf16))),
      stream_(stream),
      weight_(elements() * copies_),
      scale_(layer.n) {
  // The copies hold the same weights, so that whatever call is verified speaks for all.
  check(fill_gaussian(weight_.data(), elements(), kWeightSeed, stream));
  for (int copy = 1; copy < copies_; ++copy) {
    check(cudaMemcpyAsync(weight_.data() + copy * elements(), weight_.data(),
                          static_cast<std::size_t>(elements()), cudaMemcpyDeviceToDevice, stream));
  }
  check(fill_scales(scale_.data(), layer.n, kScaleSeed, stream));
}

const std::int8_t* LayerWeights::weight(int call) const {
  return copy_of_call(weight_, call, elements());
}

const Bf16* LayerWeights::bf16_weight(int call) {
  if (bf16_weight_.data() == nullptr) {
    bf16_weight_ = DeviceBuffer<Bf16>(elements() * bf16_copies_);
    for (int copy = 0; copy < bf16_copies_; ++copy) {
      check(dequantize_weight(weight(0), scale(), layer_.n, layer_.k,
                              bf16_weight_.data() + copy * elements(), stream_));
    }
  }
  return copy_of_call(bf16_weight_, call, elements());
}

const E4m3* LayerWeights::e4m3_weight(int call) {
  if (e4m3_weight_.data() == nullptr) {
    e4m3_weight_ = DeviceBuffer<E4m3>(elements() * copies_);
    check(weight_to_e4m3(weight_.data(), e4m3_weight_.count(), e4m3_weight_.data(), stream_));
  }
  return copy_of_call(e4m3_weight_, call, elements());
}

Workload::Workload(LayerWeights& weights, std::int64_t m, std::int64_t l2_bytes,
                   cudaStream_t stream)
    : weights_(weights),
      m_(m),
      stream_(stream),
      activation_copies_(cold_copies(quantize_bytes(m, k()), l2_bytes, kMaxActivationCopies)),
      activation_(m * k() * activation_copies_),
      quantized_(m * k() * activation_copies_),
      activation_scale_(m * activation_copies_),
      output_(m * n() * weights.copies()) {
  // Each copy is different here: quantize reads them all.
  check(fill_gaussian(activation_.data(), activation_.count(), kActivationSeed, stream));
  quantize_activations();
}

void Workload::quantize_activations() {
  const DynamicRangeQuantizeDescriptor descriptor{
      m_, k(), -127, 127, ElementKind::BF16, ElementKind::S8};
  const auto plan = DynamicRangeQuantizePlan<Bf16, S8>::select(stream_, descriptor);
  check(plan.status());
  for (int copy = 0; copy < activation_copies_; ++copy) {
    const auto linear = args(copy);
    check(plan.value().run(stream_, {},
                           {linear.activation, linear.act_q_scratch, linear.act_scale_scratch}));
  }
}

int Workload::rotation(Work work) const noexcept {
  return work == Work::Quantize ? activation_copies_ : weights_.copies();
}

QuantizedLinearDescriptor Workload::descriptor() const {
  return {m_, n(), k(), -127, 127, ElementKind::BF16, ElementKind::S8};
}

QuantizedLinearArgs<Bf16, S8> Workload::args(int call) const {
  const std::int64_t n = this->n();
  const std::int64_t k = this->k();
  return {{activation(call), {m_, k}, {k, 1}}, {weights_.weight(call), {n, k}, {k, 1}},
          {weights_.scale(), {n}, {1}},        {output(call), {m_, n}, {n, 1}},
          {quantized(call), {m_, k}, {k, 1}},  {activation_scale(call), {m_}, {1}}};
}

const Bf16* Workload::activation(int call) const {
  return copy_of_call(activation_, call, m_ * k());
}

std::int8_t* Workload::quantized(int call) const {
  return copy_of_call(quantized_, call, m_ * k());
}

float* Workload::activation_scale(int call) const {
  return copy_of_call(activation_scale_, call, m_);
}

Bf16* Workload::output(int call) const { return copy_of_call(output_, call, m_ * n()); }

std::int32_t* Workload::accumulator(int call) {
  if (accumulator_.data() == nullptr) {
    accumulator_ = DeviceBuffer<std::int32_t>(m_ * n() * weights_.copies());
  }
  return copy_of_call(accumulator_, call, m_ * n());
}

}  // namespace qlinear::benchmark
