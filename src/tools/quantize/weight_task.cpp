#include "quantize/weight_task.hpp"

#include "support/failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace qlinear::tools {

using checkpoint::Dtype;
using checkpoint::NamedTensor;
using checkpoint::QuantizationError;
using checkpoint::QuantizedLinear;
using checkpoint::Tensor;

namespace {

Tensor rows_of(const Tensor& tensor, const RowRange& rows) {
  const std::size_t row_bytes =
      static_cast<std::size_t>(tensor.shape[1]) * checkpoint::dtype_bytes(tensor.dtype);
  Tensor part = tensor;
  part.shape[0] = rows.end - rows.begin;
  part.bytes = static_cast<std::size_t>(part.shape[0]) * row_bytes;
  part.data = {tensor.data, tensor.data.get() + static_cast<std::size_t>(rows.begin) * row_bytes};
  return part;
}

template <class T>
Tensor tensor_of_memory(std::shared_ptr<std::vector<T>> memory, Dtype dtype,
                        std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.bytes = memory->size() * sizeof(T);
  tensor.data = {memory, reinterpret_cast<const std::byte*>(memory->data())};
  return tensor;
}

}  // namespace

Tensor tensor_of(std::shared_ptr<std::vector<float>> values, std::vector<std::int64_t> shape) {
  return tensor_of_memory(std::move(values), Dtype::F32, std::move(shape));
}

std::vector<RowRange> row_ranges(const Tensor& weight) {
  constexpr std::int64_t kElements = std::int64_t{1} << 18;
  const std::int64_t rows =
      std::max<std::int64_t>(1, kElements / std::max<std::int64_t>(1, weight.shape[1]));
  std::vector<RowRange> ranges;
  for (std::int64_t begin = 0; begin < weight.shape[0]; begin += rows) {
    ranges.push_back({begin, std::min(begin + rows, weight.shape[0])});
  }
  return ranges;
}

std::vector<float> rows_as_floats(const Tensor& weight, const RowRange& rows,
                                  const ColumnFactors& factors) {
  std::vector<float> floats = value_of(checkpoint::to_f32(rows_of(weight, rows)));
  if (factors) {
    const std::size_t k = factors->size();
    for (std::size_t i = 0; i < floats.size(); ++i) floats[i] *= (*factors)[i % k];
  }
  return floats;
}

WeightTask::WeightTask(std::string module, Tensor weight, ColumnFactors factors,
                       checkpoint::WeightScale method)
    : module_(std::move(module)),
      weight_(std::move(weight)),
      factors_(std::move(factors)),
      method_(method),
      ranges_(row_ranges(weight_)),
      errors_(ranges_.size()) {}

std::uint64_t WeightTask::source_bytes_of_part(std::size_t part) const noexcept {
  const auto rows = static_cast<std::uint64_t>(ranges_[part].end - ranges_[part].begin);
  return rows * (weight_.bytes / static_cast<std::uint64_t>(weight_.shape[0]));
}

void WeightTask::begin() {
  quantized_ = std::make_shared<std::vector<S8>>(static_cast<std::size_t>(weight_.size()));
  scale_ = std::make_shared<std::vector<float>>(static_cast<std::size_t>(weight_.shape[0]));
}

void WeightTask::quantize_part(std::size_t part) {
  const RowRange& rows = ranges_[part];
  const std::int64_t n = rows.end - rows.begin;
  const std::int64_t k = weight_.shape[1];
  const std::vector<float> floats = rows_as_floats(weight_, rows, factors_);
  const Result<QuantizedLinear> layer = checkpoint::quantize_weight(floats.data(), n, k, method_);
  if (!layer.ok()) {
    throw Failure(fmt::format("{}.weight, rows from {} on: {}; leave it as it is with --ignore {}",
                              module_, rows.begin, layer.status().message(), module_));
  }
  errors_[part] = checkpoint::quantization_error(floats.data(), layer.value());
  std::copy_n(layer.value().weight.get(), n * k, quantized_->begin() + rows.begin * k);
  std::copy_n(layer.value().weight_scale.begin(), n, scale_->begin() + rows.begin);
}

std::vector<NamedTensor> WeightTask::finish() {
  std::vector<NamedTensor> tensors;
  tensors.push_back(
      {module_ + ".weight", tensor_of_memory(std::move(quantized_), Dtype::I8, weight_.shape)});
  tensors.push_back({module_ + ".weight_scale",
                     tensor_of_memory(std::move(scale_), Dtype::F32, {weight_.shape[0], 1})});
  return tensors;
}

QuantizationError WeightTask::error() const {
  QuantizationError sum;
  for (const QuantizationError& error : errors_) {
    sum.signal += error.signal;
    sum.noise += error.noise;
  }
  return sum;
}

}  // namespace qlinear::tools
