// Layers in the normal form: joined, sliced and stacked, and what the library computes of them.

#include "checkpoint/files.hpp"

#include <qlinear/reference.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace qlinear::test {
namespace {

using checkpoint::Checkpoint;
using checkpoint::concatenate_rows;
using checkpoint::NamedTensor;
using checkpoint::QuantizedLinear;
using checkpoint::stack_experts;
using checkpoint::StackedExperts;

using Values = std::vector<float>;

template <class T>
T required(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return std::move(result).value();
}

/// Values in the sense of a linear layer: seeded, so that a failure repeats.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::vector<S8> weight(std::int64_t count) {
    std::uniform_int_distribution<int> values(-128, 127);
    std::vector<S8> result(static_cast<std::size_t>(count));
    for (S8& value : result) value = static_cast<S8>(values(engine_));
    return result;
  }
  Values floats(std::int64_t count, float low, float high) {
    std::uniform_real_distribution<float> values(low, high);
    Values result(static_cast<std::size_t>(count));
    for (float& value : result) value = values(engine_);
    return result;
  }

 private:
  std::mt19937 engine_;
};

std::shared_ptr<const S8> shared(std::vector<S8> values) {
  const auto owner = std::make_shared<const std::vector<S8>>(std::move(values));
  return {owner, owner->data()};
}

QuantizedLinear layer_of(std::int64_t n, std::int64_t k, unsigned seed) {
  Random random(seed);
  QuantizedLinear layer;
  layer.n = n;
  layer.k = k;
  layer.weight = shared(random.weight(n * k));
  layer.weight_scale = random.floats(n, 0.001F, 0.1F);
  return layer;
}

std::vector<S8> weight_of(const QuantizedLinear& layer) {
  return {layer.weight.get(), layer.weight.get() + layer.n * layer.k};
}

/// What `qlinear::reference` gives for one layer.
Values reference_output(const QuantizedLinear& layer, std::int64_t m, const Values& x) {
  const auto rows = static_cast<std::size_t>(m);
  Values output(rows * static_cast<std::size_t>(layer.n));
  std::vector<S8> q(rows * static_cast<std::size_t>(layer.k));
  Values scale(rows);
  std::vector<S8> zero_point(rows);
  std::vector<std::int32_t> act_sum(rows);
  std::vector<std::int32_t> weight_sum(static_cast<std::size_t>(layer.n));
  const QuantizedLinearDescriptor descriptor = descriptor_of(layer, m);
  QuantizedLinearArgs<float, S8> args{matrix(x.data(), m, layer.k),
                                      matrix(layer.weight.get(), layer.n, layer.k),
                                      vector(layer.weight_scale.data(), layer.n),
                                      matrix(output.data(), m, layer.n),
                                      matrix(q.data(), m, layer.k),
                                      vector(scale.data(), m)};
  if (!layer.bias.empty()) args.bias = vector(layer.bias.data(), layer.n);
  if (!layer.column_factor.empty()) {
    args.source.column_factor = vector(layer.column_factor.data(), layer.k);
  }
  if (layer.activation.is_static) {
    args.scale.scale = vector(&layer.activation.scale, 1);
    if (!layer.activation.symmetric) {
      args.scale.zero_point = vector(&layer.activation.zero_point, 1);
    }
  }
  if (has_zero_points(descriptor.scale)) {
    const auto sums = vector(weight_sum.data(), layer.n);
    const Status status = reference::weight_sums<S8>(args.weight_q, sums);
    if (!status.ok()) throw std::runtime_error(status.message());
    args.zero_points.act_zero_point_scratch = vector(zero_point.data(), m);
    args.zero_points.weight_sum = vector(weight_sum.data(), layer.n);
  }
  if (descriptor.weight_zero_points) {
    args.zero_points.act_sum_scratch = vector(act_sum.data(), m);
    args.zero_points.weight_zero_point = vector(layer.weight_zero_point.data(), layer.n);
  }
  const Status status = reference::quantized_linear(descriptor, args);
  if (!status.ok()) throw std::runtime_error(status.message());
  return output;
}

struct Quantized {
  std::vector<std::int32_t> q;
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// A row of activations, quantized as the README's contract says, for values far from its edges.
Quantized quantized(const QuantizedLinear& layer, const float* x) {
  const auto& scheme = layer.activation;
  const auto low = static_cast<float>(scheme.q_min);
  const auto high = static_cast<float>(scheme.q_max);
  Values h(x, x + layer.k);
  for (std::size_t k = 0; k < layer.column_factor.size(); ++k) h[k] *= layer.column_factor[k];
  const float hi = std::max(0.0F, *std::max_element(h.begin(), h.end()));
  const float lo = std::min(0.0F, *std::min_element(h.begin(), h.end()));
  Quantized row;
  for (const float value : h) {
    float q = 0;
    if (scheme.is_static) {
      row.scale = scheme.scale;
      row.zero_point = scheme.zero_point;
      const auto zero = static_cast<float>(row.zero_point);
      q = std::rint(std::clamp(value / row.scale, low - zero, high - zero)) + zero;
    } else if (scheme.symmetric) {
      const float amax = std::max(hi, -lo);
      row.scale = amax / high;
      q = std::clamp(std::rint(value * (high / amax)), low, high);
    } else {
      const float inverse = (high - low) / (hi - lo);
      row.scale = (hi - lo) / (high - low);
      const float zero = std::clamp(std::rint(low - lo * inverse), low, high);
      row.zero_point = static_cast<std::int32_t>(zero);
      q = std::clamp(std::rint(value * inverse) + zero, low, high);
    }
    row.q.push_back(static_cast<std::int32_t>(q));
  }
  return row;
}

std::int32_t product(const QuantizedLinear& layer, const Quantized& row, std::int64_t n) {
  std::int32_t sum = 0;
  for (std::int64_t k = 0; k < layer.k; ++k) {
    const std::int32_t zero =
        layer.weight_zero_point.empty() ? 0 : layer.weight_zero_point[static_cast<std::size_t>(n)];
    sum += (row.q[static_cast<std::size_t>(k)] - row.zero_point) *
           (layer.weight.get()[n * layer.k + k] - zero);
  }
  return sum;
}

/// The same by plain loops.
Values plain_output(const QuantizedLinear& layer, std::int64_t m, const Values& x) {
  Values output;
  for (std::int64_t i = 0; i < m; ++i) {
    const Quantized row = quantized(layer, x.data() + i * layer.k);
    for (std::int64_t n = 0; n < layer.n; ++n) {
      const auto index = static_cast<std::size_t>(n);
      const float scale = row.scale * layer.weight_scale[index];
      const auto sum = static_cast<float>(product(layer, row, n));
      output.push_back(layer.bias.empty() ? scale * sum : std::fma(scale, sum, layer.bias[index]));
    }
  }
  return output;
}

constexpr std::int64_t kTokens = 5;
constexpr std::int64_t kN = 7;
constexpr std::int64_t kK = 33;

void expect_computes(const QuantizedLinear& layer) {
  const Values x = Random(9).floats(kTokens * layer.k, -3, 5);
  EXPECT_EQ(reference_output(layer, kTokens, x), plain_output(layer, kTokens, x));
}

// Of each convention a checkpoint is written, read, and computed with.

std::vector<NamedTensor> tensors_with(const std::string& scale_name,
                                      std::vector<NamedTensor> more) {
  const QuantizedLinear layer = layer_of(kN, kK, 1);
  more.push_back(int8_tensor("m.weight", {kN, kK}, weight_of(layer)));
  more.push_back(f32_tensor("m." + scale_name, {kN, 1}, layer.weight_scale));
  more.push_back(f32_tensor("m.bias", {kN}, Random(2).floats(kN, -1, 1)));
  return more;
}

QuantizedLinear read(const std::string& config, const std::vector<NamedTensor>& tensors) {
  const CheckpointFolder folder(config, tensors);
  const QuantizedLinear layer = required(required(Checkpoint::open(folder.path())).linear("m"));
  EXPECT_EQ(weight_of(layer), weight_of(layer_of(kN, kK, 1)));
  EXPECT_EQ(layer.bias, Random(2).floats(kN, -1, 1));
  return layer;
}

std::string compressed(const std::string& weights, const std::string& activations) {
  return R"({"quantization_config":{"quant_method":"compressed-tensors","format":"int-quantized",)"
         R"("config_groups":{"group_0":{"targets":["Linear"],"weights":{"num_bits":8,"type":"int",)"
         R"("strategy":"channel")" +
         weights + R"(},"input_activations":{"num_bits":8,"type":"int")" + activations + "}}}}}";
}

TEST(Conventions, CompressedTensorsComputesByToken) {
  expect_computes(read(compressed("", R"(,"strategy":"token","dynamic":true)"),
                       tensors_with("weight_scale", {})));
}

TEST(Conventions, CompressedTensorsComputesByTokenWithZeroPoints) {
  const std::vector<S8> zeros = Random(3).weight(kN);
  const QuantizedLinear layer =
      read(compressed(R"(,"symmetric":false)",
                      R"(,"strategy":"token","dynamic":true,"symmetric":false)"),
           tensors_with("weight_scale", {int8_tensor("m.weight_zero_point", {kN, 1}, zeros)}));
  EXPECT_EQ(layer.weight_zero_point, zeros);
  expect_computes(layer);
}

TEST(Conventions, CompressedTensorsComputesStatic) {
  // So small a scale that values are clamped at both ends.
  expect_computes(read(compressed("", R"(,"strategy":"tensor","dynamic":false)"),
                       tensors_with("weight_scale", {f32_tensor("m.input_scale", {1}, {0.02F})})));
  expect_computes(
      read(compressed("", R"(,"strategy":"tensor","dynamic":false,"symmetric":false)"),
           tensors_with("weight_scale", {f32_tensor("m.input_scale", {1}, {0.02F}),
                                         int8_tensor("m.input_zero_point", {1}, {-31})})));
}

TEST(Conventions, W8A8Int8Computes) {
  expect_computes(read(R"({"quantization_config":{"quant_method":"w8a8_int8"}})",
                       tensors_with("weight_scale", {})));
}

TEST(Conventions, SmoothQuantComputes) {
  expect_computes(read(R"({"quantization_config":{"quant_method":"smooth_quant"}})",
                       tensors_with("scale", {})));
}

TEST(Conventions, ModelOptComputesWithColumnFactors) {
  const Values factors = Random(4).floats(kK, 0.25F, 4);
  const QuantizedLinear layer =
      read(R"({"quantization_config":{"quant_algo":"W8A8_SQ_PER_CHANNEL"}})",
           tensors_with("weight_scale", {f32_tensor("m.pre_quant_scale", {kK}, factors)}));
  EXPECT_EQ(layer.column_factor, factors);
  expect_computes(layer);
}

TEST(Conventions, QuarkComputes) {
  const std::string spec = R"({"dtype":"int8","qscheme":"per_channel","is_dynamic":)";
  expect_computes(
      read(R"({"quantization_config":{"quant_method":"quark","global_quant_config":{"weight":)" +
               spec + R"(false},"input_tensors":)" + spec + "true}}}}",
           tensors_with("weight_scale",
                        {int8_tensor("m.weight_zero_point", {kN}, std::vector<S8>(kN, 0))})));
}

// Joined

TEST(ConcatenateRows, ComputesWhatTheLayersDo) {
  std::vector<QuantizedLinear> layers = {layer_of(4, kK, 1), layer_of(2, kK, 2),
                                         layer_of(3, kK, 3)};
  layers[1].bias = {1, 2};
  layers[2].weight_zero_point = {1, -2, 3};
  const QuantizedLinear fused = required(concatenate_rows(layers));
  EXPECT_EQ(fused.n, 9);
  EXPECT_EQ(fused.bias, (Values{0, 0, 0, 0, 1, 2, 0, 0, 0}));
  EXPECT_EQ(fused.weight_zero_point, (std::vector<S8>{0, 0, 0, 0, 0, 0, 1, -2, 3}));
  const Values x = Random(9).floats(kK, -1, 1);
  Values separate;
  for (const QuantizedLinear& layer : layers) {
    const Values part = reference_output(layer, 1, x);
    separate.insert(separate.end(), part.begin(), part.end());
  }
  EXPECT_EQ(reference_output(fused, 1, x), separate);
}

TEST(ConcatenateRows, OfACheckpointRepeatsScalesOfTensors) {
  const std::string config =
      R"({"quantization_config":{"format":"int-quantized","config_groups":{"g":{)"
      R"("targets":["Linear"],"weights":{"num_bits":8,"type":"int","strategy":"tensor"},)"
      R"("input_activations":{"num_bits":8,"type":"int","strategy":"tensor"}}}}})";
  const CheckpointFolder folder(
      config,
      {int8_tensor("gate.weight", {2, 1}, {1, 2}), f32_tensor("gate.weight_scale", {1}, {0.5F}),
       f32_tensor("gate.input_scale", {1}, {2}), int8_tensor("up.weight", {1, 1}, {3}),
       f32_tensor("up.weight_scale", {1}, {0.25F}), f32_tensor("up.input_scale", {1}, {3})});
  const Checkpoint checkpoint = required(Checkpoint::open(folder.path()));
  const QuantizedLinear fused = required(checkpoint.fused_linear({"gate", "up"}));
  EXPECT_EQ(weight_of(fused), (std::vector<S8>{1, 2, 3}));
  EXPECT_EQ(fused.weight_scale, (Values{0.5F, 0.5F, 0.25F}));
  EXPECT_EQ(fused.activation.scale, 3);
  EXPECT_FALSE(checkpoint.fused_linear({"gate", "none"}).ok());
  EXPECT_FALSE(checkpoint.fused_linear({}).ok());
}

TEST(ConcatenateRows, RefusesWhatOneLayerCannotHold) {
  const auto code = [](const auto& change) {
    std::vector<QuantizedLinear> layers = {layer_of(2, 3, 1), layer_of(2, 3, 2)};
    for (QuantizedLinear& layer : layers) layer.activation.is_static = true;
    change(layers[0], layers[1]);
    return concatenate_rows(layers).status().code();
  };
  using L = QuantizedLinear;
  EXPECT_EQ(code([](L&, L&) {}), StatusCode::Ok);
  EXPECT_EQ(code([](L&, L& b) { b.activation.scale = 2; }), StatusCode::Ok);
  EXPECT_EQ(code([](L&, L& b) { b = layer_of(2, 4, 2); }), StatusCode::InvalidProblem);
  EXPECT_EQ(code([](L&, L& b) { b.activation.is_static = false; }), StatusCode::Unsupported);
  EXPECT_EQ(code([](L&, L& b) { b.activation.symmetric = false; }), StatusCode::Unsupported);
  EXPECT_EQ(code([](L&, L& b) { b.activation.q_min = -128; }), StatusCode::Unsupported);
  EXPECT_EQ(code([](L&, L& b) { b.column_factor = {1, 2, 3}; }), StatusCode::Unsupported);
  const auto asymmetric = [&](const auto& change) {
    return code([&](L& a, L& b) {
      a.activation.symmetric = b.activation.symmetric = false;
      change(b);
    });
  };
  EXPECT_EQ(asymmetric([](L&) {}), StatusCode::Ok);
  EXPECT_EQ(asymmetric([](L& b) { b.activation.scale = 2; }), StatusCode::Unsupported);
  EXPECT_EQ(asymmetric([](L& b) { b.activation.zero_point = 2; }), StatusCode::Unsupported);
  EXPECT_EQ(concatenate_rows({}).status().code(), StatusCode::InvalidProblem);
}

// Sliced

TEST(SliceRows, IsTheSameRowsOfTheOutput) {
  QuantizedLinear layer = layer_of(kN, kK, 1);
  layer.bias = Random(2).floats(kN, -1, 1);
  layer.weight_zero_point = Random(3).weight(kN);
  const QuantizedLinear part = required(slice_rows(layer, 2, 5));
  EXPECT_EQ(part.weight.get(), layer.weight.get() + 2 * kK);
  const Values x = Random(9).floats(kK, -1, 1);
  const Values whole = reference_output(layer, 1, x);
  EXPECT_EQ(reference_output(part, 1, x), Values(whole.begin() + 2, whole.begin() + 5));
}

TEST(SliceColumns, SumsToTheWholeProduct) {
  QuantizedLinear layer = layer_of(kN, kK, 1);
  layer.bias = Random(2).floats(kN, -1, 1);
  layer.weight_zero_point = Random(3).weight(kN);
  layer.column_factor = Random(4).floats(kK, 0.5F, 2);
  const Quantized row = quantized(layer, Random(9).floats(kK, -1, 1).data());
  const std::vector<std::int64_t> bounds = {0, 1, 16, kK};
  for (std::int64_t n = 0; n < kN; ++n) {
    std::int32_t sum = 0;
    for (std::size_t rank = 0; rank + 1 < bounds.size(); ++rank) {
      const QuantizedLinear part = required(slice_columns(layer, bounds[rank], bounds[rank + 1]));
      Quantized columns = row;
      columns.q = {row.q.begin() + bounds[rank], row.q.begin() + bounds[rank + 1]};
      sum += product(part, columns, n);
      EXPECT_EQ(part.bias, rank == 0 ? layer.bias : Values{});
      EXPECT_EQ(part.weight_scale, layer.weight_scale);
      EXPECT_EQ(part.column_factor, Values(layer.column_factor.begin() + bounds[rank],
                                           layer.column_factor.begin() + bounds[rank + 1]));
    }
    EXPECT_EQ(sum, product(layer, row, n));
  }
}

TEST(Slices, MustLieWithinTheLayer) {
  const QuantizedLinear layer = layer_of(4, 6, 1);
  for (const auto& [begin, end] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {-1, 2}, {2, 2}, {3, 2}, {0, 7}, {7, 8}}) {
    EXPECT_EQ(slice_rows(layer, begin, end).status().code(), StatusCode::InvalidProblem);
    EXPECT_EQ(slice_columns(layer, begin, end).status().code(), StatusCode::InvalidProblem);
  }
}

// Stacked

TEST(StackExperts, PutsOneAfterAnother) {
  std::vector<QuantizedLinear> layers = {layer_of(2, 3, 1), layer_of(2, 3, 2)};
  layers[1].bias = {1, 2};
  layers[0].weight_zero_point = {3, 4};
  const StackedExperts stacked = required(stack_experts(layers));
  EXPECT_EQ(stacked.experts, 2);
  EXPECT_EQ(stacked.n, 2);
  EXPECT_EQ(stacked.k, 3);
  std::vector<S8> weight = weight_of(layers[0]);
  const std::vector<S8> second = weight_of(layers[1]);
  weight.insert(weight.end(), second.begin(), second.end());
  EXPECT_EQ(stacked.weight, weight);
  EXPECT_EQ(stacked.bias, (Values{0, 0, 1, 2}));
  EXPECT_EQ(stacked.weight_zero_point, (std::vector<S8>{3, 4, 0, 0}));
  EXPECT_EQ(stacked.weight_scale.size(), 4U);
  EXPECT_EQ(stacked.weight_scale[2], layers[1].weight_scale[0]);
  EXPECT_EQ(stacked.activation.size(), 2U);
}

TEST(StackExperts, RefusesLayersThatDiffer) {
  const auto code = [](const auto& change) {
    std::vector<QuantizedLinear> layers = {layer_of(2, 3, 1), layer_of(2, 3, 2)};
    change(layers[1]);
    return stack_experts(layers).status().code();
  };
  EXPECT_EQ(code([](QuantizedLinear& b) { b = layer_of(3, 3, 2); }), StatusCode::InvalidProblem);
  EXPECT_EQ(code([](QuantizedLinear& b) { b = layer_of(2, 2, 2); }), StatusCode::InvalidProblem);
  EXPECT_EQ(code([](QuantizedLinear& b) { b.column_factor = {1, 1, 1}; }), StatusCode::Unsupported);
  EXPECT_EQ(code([](QuantizedLinear& b) { b.activation.is_static = true; }),
            StatusCode::Unsupported);
  EXPECT_EQ(stack_experts({}).status().code(), StatusCode::InvalidProblem);
}

}  // namespace
}  // namespace qlinear::test
