// The encoder layer of the example has the bits of the reference, of the same steps through memory,
// and of each token alone; it is one graph of eight kernels.

#include "encoder_layer.hpp"
#include "layer_steps.hpp"

#include "support/capture.hpp"
#include "support/device.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace qlinear::test {
namespace {

using examples::EncoderLayer;
using examples::EncoderLayerShape;
using Matrix = HostMatrix<__half>;

EncoderLayerShape shape_of(std::int64_t tokens) { return {tokens, 256, 512, 1e-12}; }

struct Norm {
  Norm(std::int64_t size, std::uint64_t seed)
      : weight(make_factors<__half>(size, Fill::Gaussian, seed)),
        bias(make_bias<__half>(size, Fill::Gaussian, seed + 1)) {}

  Matrix weight;
  Matrix bias;
};

struct Weights {
  explicit Weights(const EncoderLayerShape& s)
      : input_norm(s.hidden, 1),
        qkv(3 * s.hidden, s.hidden, 2, true),
        o(s.hidden, s.hidden, 3, true),
        attention_norm(s.hidden, 4),
        intermediate(s.intermediate, s.hidden, 5, true),
        output(s.hidden, s.intermediate, 6, true) {}

  Norm input_norm;
  Weight<__half> qkv;
  Weight<__half> o;
  Norm attention_norm;
  Weight<__half> intermediate;
  Weight<__half> output;
};

/// What a layer reads and writes.
struct State {
  Matrix sum;
  Matrix normed;
  Matrix qkv;
  Matrix intermediate;
};

State inputs(const EncoderLayerShape& shape) {
  return {.sum = make_activation<__half>(shape.tokens, shape.hidden, Fill::Outliers, 7),
          .normed = {},
          .qkv = {},
          .intermediate = {}};
}

State select_rows(const State& state, std::int64_t row) {
  const std::vector<std::int64_t> rows{row};
  return {select_rows(state.sum, rows), select_rows(state.normed, rows),
          select_rows(state.qkv, rows), select_rows(state.intermediate, rows)};
}

void expect_same(const State& expected, const State& actual) {
  EXPECT_TRUE(same_matrix("qkv", expected.qkv, actual.qkv));
  EXPECT_TRUE(same_matrix("normed", expected.normed, actual.normed));
  EXPECT_TRUE(same_matrix("intermediate", expected.intermediate, actual.intermediate));
  EXPECT_TRUE(same_matrix("sum", expected.sum, actual.sum));
}

/// In place of attention, which is not the library's affair: the queries, where they lie.
TensorRef<__half, 2> queries(const __half* qkv, const EncoderLayerShape& shape) {
  return {qkv, {shape.tokens, shape.hidden}, {3 * shape.hidden, 1}};
}

Step<__half> step_of(const Weight<__half>& weight, const Norm& norm,
                     const EncoderLayerShape& shape) {
  return {.weight = weight,
          .source = {.kind = SourceKind::LayerNorm, .eps = shape.eps},
          .norm_weight = &norm.weight,
          .norm_bias = &norm.bias};
}

State reference_layer(const EncoderLayerShape& shape, const Weights& w, State s) {
  const EpilogueDescriptor residual{.residual = true};
  const Step<__half> o{.weight = w.o, .epilogue = residual};
  Step<__half> intermediate = step_of(w.intermediate, w.attention_norm, shape);
  intermediate.epilogue.activation = ActivationFunction::GeluErf;
  const Step<__half> output{.weight = w.output, .epilogue = residual};
  s.qkv = reference_linear<__half>(step_of(w.qkv, w.input_norm, shape), s.sum.matrix(),
                                   {.normed_out = &s.normed});
  s.sum = reference_linear<__half>(o, queries(s.qkv.row(0), shape), {.output_residual = &s.normed});
  s.intermediate =
      reference_linear<__half>(intermediate, s.sum.matrix(), {.normed_out = &s.normed});
  s.sum = reference_linear<__half>(output, s.intermediate.matrix(), {.output_residual = &s.normed});
  return s;
}

/// The layer with every step between norms and products through memory.
State separate_layer(const EncoderLayerShape& shape, const Weights& w, State s) {
  s.qkv = separate_linear(step_of(w.qkv, w.input_norm, shape), s.sum, &s.normed);
  s.sum = sum_of(separate_linear<__half>({w.o}, first_columns(s.qkv, shape.hidden)), s.normed);
  s.intermediate = activated(
      ActivationFunction::GeluErf,
      separate_linear(step_of(w.intermediate, w.attention_norm, shape), s.sum, &s.normed));
  s.sum = sum_of(separate_linear<__half>({w.output}, s.intermediate), s.normed);
  return s;
}

struct DeviceNorm {
  explicit DeviceNorm(const Norm& norm)
      : weight(on_device(norm.weight)), bias(on_device(norm.bias)) {}
  examples::EncoderNorm get() const { return {weight.data(), bias.data()}; }

  GuardedMatrix<__half> weight;
  GuardedMatrix<__half> bias;
};

examples::EncoderLinear pointers(const DeviceWeight<__half>& weight) {
  return {weight.q.data(), weight.scale.data(), weight.bias.data()};
}

struct DeviceWeights {
  explicit DeviceWeights(const Weights& w)
      : input_norm(w.input_norm),
        qkv(w.qkv),
        o(w.o),
        attention_norm(w.attention_norm),
        intermediate(w.intermediate),
        output(w.output) {}
  examples::EncoderLayerWeights get() const {
    return {input_norm.get(),     pointers(qkv),          pointers(o),
            attention_norm.get(), pointers(intermediate), pointers(output)};
  }

  DeviceNorm input_norm;
  DeviceWeight<__half> qkv;
  DeviceWeight<__half> o;
  DeviceNorm attention_norm;
  DeviceWeight<__half> intermediate;
  DeviceWeight<__half> output;
};

struct DeviceState {
  DeviceState(const EncoderLayerShape& s, const State& inputs, std::size_t workspace_size)
      : shape(s),
        sum(on_device(inputs.sum)),
        normed(poisoned<__half>(s.tokens, s.hidden)),
        qkv(poisoned<__half>(s.tokens, 3 * s.hidden)),
        intermediate(poisoned<__half>(s.tokens, s.intermediate)),
        act_q(poisoned<S8>(s.tokens, std::max(s.hidden, s.intermediate))),
        act_scale(poisoned<float>(1, s.tokens)),
        workspace(workspace_size) {}

  examples::EncoderLayerBuffers get() const {
    return {sum.data(),          normed.data(), qkv.data(),       queries(qkv.data(), shape),
            intermediate.data(), act_q.data(),  act_scale.data(), workspace.get()};
  }
  State download() const {
    return {sum.download(), normed.download(), qkv.download(), intermediate.download()};
  }
  ::testing::AssertionResult guards_intact() const {
    for (const auto& intact :
         {sum.guards_intact("sum"), normed.guards_intact("normed"), qkv.guards_intact("qkv"),
          intermediate.guards_intact("intermediate"), act_q.guards_intact("act_q"),
          act_scale.guards_intact("act_scale"), workspace.guards_intact()}) {
      if (!intact) return intact;
    }
    return ::testing::AssertionSuccess();
  }

  EncoderLayerShape shape;
  GuardedMatrix<__half> sum;
  GuardedMatrix<__half> normed;
  GuardedMatrix<__half> qkv;
  GuardedMatrix<__half> intermediate;
  GuardedMatrix<S8> act_q;
  GuardedMatrix<float> act_scale;
  GuardedWorkspace workspace;
};

/// What `layers` layers of the same weights give, each a launch of one graph of eight kernels.
State run_graph(const EncoderLayerShape& shape, const Weights& weights, const State& inputs,
                int layers) {
  const Stream stream;
  const auto layer = EncoderLayer::select(stream, shape);
  EXPECT_TRUE(layer.ok()) << layer.status().message();
  if (!layer.ok()) return {};
  const DeviceWeights device_weights(weights);
  const DeviceState state(shape, inputs, layer.value().workspace_size());
  Status status;
  int attentions = 0;
  const CapturedGraph graph(stream, [&] {
    status = layer.value().run(stream, device_weights.get(), state.get(),
                               [&](cudaStream_t given) { attentions += given == stream ? 1 : 0; });
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(attentions, 1);
  EXPECT_EQ(graph.grids().size(), 8U);
  EXPECT_EQ(graph.nodes(), 8U);
  for (int i = 0; i < layers; ++i) graph.launch(stream);
  stream.synchronize();
  EXPECT_TRUE(state.guards_intact());
  return state.download();
}

class EncoderLayerOf : public ::testing::TestWithParam<std::int64_t> {
 protected:
  EncoderLayerShape shape = shape_of(GetParam());
  Weights weights{shape};
  State before = inputs(shape);
};

TEST_P(EncoderLayerOf, TokensHasTheBitsOfTheReference) {
  const State once = reference_layer(shape, weights, before);
  EXPECT_TRUE(std::none_of(once.sum.values().begin(), once.sum.values().end(),
                           [](__half value) { return is_nan(value); }));
  expect_same(once, run_graph(shape, weights, before, 1));
  expect_same(reference_layer(shape, weights, once), run_graph(shape, weights, before, 2));
}

TEST_P(EncoderLayerOf, TokensHasTheBitsOfSeparateSteps) {
  expect_same(separate_layer(shape, weights, before), run_graph(shape, weights, before, 1));
}

INSTANTIATE_TEST_SUITE_P(, EncoderLayerOf, ::testing::Values(1, 6, 70));

TEST(EncoderLayerExample, GivesATokenTheSameBitsAloneAndInABatch) {
  const auto batch = shape_of(6);
  const Weights weights(batch);
  const State before = inputs(batch);
  const State after = run_graph(batch, weights, before, 1);
  for (const std::int64_t row : {0, 3, 5}) {
    SCOPED_TRACE(row);
    expect_same(select_rows(after, row),
                run_graph(shape_of(1), weights, select_rows(before, row), 1));
  }
}

TEST(EncoderLayerExample, PassesARefusalOn) {
  auto shape = shape_of(1);
  shape.eps = 0;
  const Stream stream;
  EXPECT_EQ(EncoderLayer::select(stream, shape).status().code(), StatusCode::InvalidProblem);
}

}  // namespace
}  // namespace qlinear::test
