#include "feed_forward.hpp"

#include "device_array.hpp"
#include "pair_result.hpp"
#include "quantized_layer.hpp"
#include "require.hpp"
#include "run_time.hpp"
#include "support/device.hpp"

#include <qlinear/qlinear.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace qlinear::quick_start {
namespace {

using LinearPlan = QuantizedLinearPlan<__half, S8>;
using NormPlan = DynamicRangeQuantizePlan<__half, S8>;

constexpr double kEps = 1e-12;  // As BERT has it.

double gelu(double y) { return 0.5 * y * (1 + std::erf(y / std::sqrt(2.0))); }

/// Normalises a row in place.
void normalize(double* row, const FeedForward& block) {
  const auto count = static_cast<double>(block.first.k);
  const double mean = std::accumulate(row, row + block.first.k, 0.0) / count;
  double squares = 0;
  for (std::int64_t i = 0; i < block.first.k; ++i) squares += (row[i] - mean) * (row[i] - mean);
  const double deviation = std::sqrt(squares / count + kEps);
  for (std::size_t i = 0; i < block.norm_weight.size(); ++i) {
    row[i] = (row[i] - mean) / deviation * block.norm_weight[i] + block.norm_bias[i];
  }
}

/// The second layer as one of its own, with what reaches it.
RealLayer second_layer(const FeedForward& block, std::vector<double> activation) {
  return {.source = block.first.source,
          .m = block.first.m,
          .c_out = block.first.k,
          .k = block.first.c_out,
          .activation = std::move(activation),
          .weight = block.weight,
          .bias = block.bias};
}

std::vector<double> f64_block(const FeedForward& block) {
  std::vector<double> hidden = f64_product(block.first);
  std::transform(hidden.begin(), hidden.end(), hidden.begin(), gelu);
  std::vector<double> output = f64_product(second_layer(block, std::move(hidden)));
  for (std::size_t i = 0; i < output.size(); ++i) output[i] += block.first.activation[i];
  for (std::int64_t m = 0; m < block.first.m; ++m) {
    normalize(output.data() + m * block.first.k, block);
  }
  return output;
}

/// The block's tensors, copied to where they are needed: see `LayerTensors`.
template <template <class...> class Array>
struct BlockTensors {
  explicit BlockTensors(const FeedForward& block)
      : first(quantize_layer<__half, S8>(block.first)),
        second(quantize_layer<__half, S8>(second_layer(
            block,
            std::vector<double>(static_cast<std::size_t>(block.first.m * block.first.c_out))))),
        norm_weight(rounded_to<__half>(block.norm_weight)),
        norm_bias(rounded_to<__half>(block.norm_bias)),
        q(second.output.size()),
        scale(static_cast<std::size_t>(block.first.m)),
        normed(second.output.size()) {
    first.descriptor.epilogue.activation = ActivationFunction::GeluErf;
    second.descriptor.epilogue.residual = true;
    norm.m = block.first.m;
    norm.k = block.first.k;
    norm.source.kind = SourceKind::LayerNorm;
    norm.source.eps = kEps;
  }

  LinearPlan::Args first_args() { return first.args(); }
  LinearPlan::Args second_args() {
    LinearPlan::Args args = second.args();
    args.activation = first.args().output;
    args.epilogue.residual = first.args().activation;
    return args;
  }
  /// The norm is the source of whatever layer follows: its quantize pass stands for that here.
  NormPlan::Args norm_args() {
    NormPlan::Args args{second.args().output, matrix(q.data(), norm.m, norm.k),
                        vector(scale.data(), norm.m)};
    args.source.norm_weight = tensor_view(vector(norm_weight.data(), norm.k));
    args.source.norm_bias = tensor_view(vector(norm_bias.data(), norm.k));
    args.source.normed_out = matrix(normed.data(), norm.m, norm.k);
    return args;
  }

  LayerTensors<Array, __half, S8> first;
  LayerTensors<Array, __half, S8> second;
  DynamicRangeQuantizeDescriptor norm;
  Array<__half> norm_weight;
  Array<__half> norm_bias;
  Array<S8> q;
  Array<float> scale;
  Array<__half> normed;
};

std::vector<__half> reference_block(const FeedForward& block) {
  BlockTensors<std::vector> tensors(block);
  require(reference::quantized_linear(tensors.first.descriptor, tensors.first_args()));
  require(reference::quantized_linear(tensors.second.descriptor, tensors.second_args()));
  require(reference::dynamic_range_quantize(tensors.norm, tensors.norm_args()));
  return std::move(tensors.normed);
}

std::vector<double> values_of(const test::SafetensorsFile& file, const std::string& name,
                              std::vector<std::int64_t> shape) {
  const test::SafetensorsTensor tensor = f16_tensor(file, name, shape.size());
  if (tensor.shape != shape) {
    throw std::runtime_error("tensor \"" + name + "\" does not fit the layer before it");
  }
  return f16_values(tensor);
}

}  // namespace

FeedForward read_feed_forward(RealLayer first, const std::filesystem::path& path) {
  const auto file = test::SafetensorsFile::read(path);
  FeedForward block;
  block.weight = values_of(file, "weight", {first.k, first.c_out});
  block.bias = values_of(file, "bias", {first.k});
  block.norm_weight = values_of(file, "norm_weight", {first.k});
  block.norm_bias = values_of(file, "norm_bias", {first.k});
  block.first = std::move(first);
  return block;
}

FeedForwardResult run_feed_forward(const FeedForward& block) {
  const test::Stream stream;
  BlockTensors<DeviceArray> tensors(block);
  const auto first = require(LinearPlan::select(stream, tensors.first.descriptor));
  const auto second = require(LinearPlan::select(stream, tensors.second.descriptor));
  const auto norm = require(NormPlan::select(stream, tensors.norm));
  // The plans run one after another, so they share a workspace.
  const DeviceArray<std::byte> memory(std::max(first.workspace_size(), second.workspace_size()));
  const Workspace workspace{memory.data(), memory.size()};
  const auto run = [&] {
    require(first.run(stream, workspace, tensors.first_args()));
    require(second.run(stream, workspace, tensors.second_args()));
    require(norm.run(stream, {}, tensors.norm_args()));
  };
  run();
  stream.synchronize();
  const std::vector<__half> output = tensors.normed.download();

  FeedForwardResult result;
  result.kernels = {first.sku().name, second.sku().name, norm.sku().name};
  result.fidelity = fidelity(f64_block(block), to_doubles(output));
  result.bits_equal = to_bytes(output) == to_bytes(reference_block(block));
  if (!kEmulatedDevice) result.median_microseconds = median_microseconds(stream, run);
  return result;
}

}  // namespace qlinear::quick_start
