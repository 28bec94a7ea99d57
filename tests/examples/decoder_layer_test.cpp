// The decoder layer of the example has the bits of the reference, of the same steps through memory,
// and of each token alone; it is one graph of eight kernels.

#include "decoder_layer.hpp"
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

using examples::Bf16;
using examples::DecoderLayer;
using examples::DecoderLayerShape;
using Matrix = HostMatrix<Bf16>;

DecoderLayerShape shape_of(std::int64_t tokens) { return {tokens, 256, 256, 64, 512, 1e-5}; }

struct Weights {
  explicit Weights(const DecoderLayerShape& s)
      : attention_norm(make_factors<Bf16>(s.hidden, Fill::Gaussian, 1)),
        qkv(s.query + 2 * s.key_value, s.hidden, 2),
        o(s.hidden, s.query, 3),
        mlp_norm(make_factors<Bf16>(s.hidden, Fill::Gaussian, 4)),
        gate_up(2 * s.intermediate, s.hidden, 5),
        down(s.hidden, s.intermediate, 6) {}

  Matrix attention_norm;
  Weight<Bf16> qkv;
  Weight<Bf16> o;
  Matrix mlp_norm;
  Weight<Bf16> gate_up;
  Weight<Bf16> down;
};

/// What a layer reads and writes.
struct State {
  Matrix hidden;
  Matrix residual;
  Matrix qkv;
  Matrix gate_up;
};

State inputs(const DecoderLayerShape& shape) {
  return {.hidden = make_activation<Bf16>(shape.tokens, shape.hidden, Fill::Gaussian, 7),
          .residual = make_activation<Bf16>(shape.tokens, shape.hidden, Fill::Outliers, 8),
          .qkv = {},
          .gate_up = {}};
}

State select_rows(const State& state, std::int64_t row) {
  const std::vector<std::int64_t> rows{row};
  return {select_rows(state.hidden, rows), select_rows(state.residual, rows),
          select_rows(state.qkv, rows), select_rows(state.gate_up, rows)};
}

void expect_same(const State& expected, const State& actual) {
  EXPECT_TRUE(same_matrix("qkv", expected.qkv, actual.qkv));
  EXPECT_TRUE(same_matrix("gate_up", expected.gate_up, actual.gate_up));
  EXPECT_TRUE(same_matrix("residual", expected.residual, actual.residual));
  EXPECT_TRUE(same_matrix("hidden", expected.hidden, actual.hidden));
}

/// In place of attention, which is not the library's affair: the queries, where they lie.
template <class T>
TensorRef<Bf16, 2> queries(T* qkv, const DecoderLayerShape& shape) {
  return {qkv, {shape.tokens, shape.query}, {shape.query + 2 * shape.key_value, 1}};
}

State reference_layer(const DecoderLayerShape& shape, const Weights& w, State s) {
  const SourceDescriptor norm{.kind = SourceKind::RmsNorm, .residual = true, .eps = shape.eps};
  const SourceDescriptor gated{.kind = SourceKind::Gated, .function = ActivationFunction::Silu};
  const Step<Bf16> qkv{.weight = w.qkv, .source = norm, .norm_weight = &w.attention_norm};
  const Step<Bf16> gate_up{.weight = w.gate_up, .source = norm, .norm_weight = &w.mlp_norm};
  const Step<Bf16> down{.weight = w.down, .source = gated};
  s.qkv = reference_linear<Bf16>(qkv, s.hidden.matrix(), {.source_residual = &s.residual});
  s.hidden = reference_linear<Bf16>({w.o}, queries(s.qkv.row(0), shape));
  s.gate_up = reference_linear<Bf16>(gate_up, s.hidden.matrix(), {.source_residual = &s.residual});
  s.hidden = reference_linear<Bf16>(down, s.gate_up.matrix());
  return s;
}

examples::Int8Weight pointers(const DeviceWeight<Bf16>& weight) {
  return {weight.q.data(), weight.scale.data()};
}

struct DeviceWeights {
  explicit DeviceWeights(const Weights& w)
      : attention_norm(on_device(w.attention_norm)),
        qkv(w.qkv),
        o(w.o),
        mlp_norm(on_device(w.mlp_norm)),
        gate_up(w.gate_up),
        down(w.down) {}
  examples::DecoderLayerWeights get() const {
    return {attention_norm.data(), pointers(qkv),     pointers(o),
            mlp_norm.data(),       pointers(gate_up), pointers(down)};
  }

  GuardedMatrix<Bf16> attention_norm;
  DeviceWeight<Bf16> qkv;
  DeviceWeight<Bf16> o;
  GuardedMatrix<Bf16> mlp_norm;
  DeviceWeight<Bf16> gate_up;
  DeviceWeight<Bf16> down;
};

struct DeviceState {
  DeviceState(const DecoderLayerShape& s, const State& inputs, std::size_t workspace_size)
      : shape(s),
        hidden(on_device(inputs.hidden)),
        residual(on_device(inputs.residual)),
        qkv(poisoned<Bf16>(s.tokens, s.query + 2 * s.key_value)),
        gate_up(poisoned<Bf16>(s.tokens, 2 * s.intermediate)),
        act_q(poisoned<S8>(s.tokens, std::max({s.hidden, s.query, s.intermediate}))),
        act_scale(poisoned<float>(1, s.tokens)),
        workspace(workspace_size) {}

  examples::DecoderLayerBuffers get() const {
    return {hidden.data(),  residual.data(), qkv.data(),       queries(qkv.data(), shape),
            gate_up.data(), act_q.data(),    act_scale.data(), workspace.get()};
  }
  State download() const {
    return {hidden.download(), residual.download(), qkv.download(), gate_up.download()};
  }
  ::testing::AssertionResult guards_intact() const {
    for (const auto& intact :
         {hidden.guards_intact("hidden"), residual.guards_intact("residual"),
          qkv.guards_intact("qkv"), gate_up.guards_intact("gate_up"), act_q.guards_intact("act_q"),
          act_scale.guards_intact("act_scale"), workspace.guards_intact()}) {
      if (!intact) return intact;
    }
    return ::testing::AssertionSuccess();
  }

  DecoderLayerShape shape;
  GuardedMatrix<Bf16> hidden;
  GuardedMatrix<Bf16> residual;
  GuardedMatrix<Bf16> qkv;
  GuardedMatrix<Bf16> gate_up;
  GuardedMatrix<S8> act_q;
  GuardedMatrix<float> act_scale;
  GuardedWorkspace workspace;
};

/// What `layers` layers of the same weights give, each a launch of one graph of eight kernels.
State run_graph(const DecoderLayerShape& shape, const Weights& weights, const State& inputs,
                int layers) {
  const Stream stream;
  const auto layer = DecoderLayer::select(stream, shape);
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

/// The layer with every step between norms and products through memory.
State separate_layer(const DecoderLayerShape& shape, const Weights& w, State s) {
  const SourceDescriptor norm{.kind = SourceKind::RmsNorm, .eps = shape.eps};
  const Step<Bf16> qkv{.weight = w.qkv, .source = norm, .norm_weight = &w.attention_norm};
  const Step<Bf16> gate_up{.weight = w.gate_up, .source = norm, .norm_weight = &w.mlp_norm};
  s.residual = sum_of(s.hidden, s.residual);
  s.qkv = separate_linear(qkv, s.residual);
  s.hidden = separate_linear<Bf16>({w.o}, first_columns(s.qkv, shape.query));
  s.residual = sum_of(s.hidden, s.residual);
  s.gate_up = separate_linear(gate_up, s.residual);
  s.hidden = separate_linear<Bf16>({w.down}, gated(ActivationFunction::Silu, s.gate_up));
  return s;
}

class DecoderLayerOf : public ::testing::TestWithParam<std::int64_t> {
 protected:
  DecoderLayerShape shape = shape_of(GetParam());
  Weights weights{shape};
  State before = inputs(shape);
};

TEST_P(DecoderLayerOf, TokensHasTheBitsOfTheReference) {
  const State once = reference_layer(shape, weights, before);
  EXPECT_TRUE(std::none_of(once.hidden.values().begin(), once.hidden.values().end(),
                           [](Bf16 value) { return is_nan(value); }));
  expect_same(once, run_graph(shape, weights, before, 1));
  expect_same(reference_layer(shape, weights, once), run_graph(shape, weights, before, 2));
}

TEST_P(DecoderLayerOf, TokensHasTheBitsOfSeparateSteps) {
  expect_same(separate_layer(shape, weights, before), run_graph(shape, weights, before, 1));
}

INSTANTIATE_TEST_SUITE_P(, DecoderLayerOf, ::testing::Values(1, 6, 70));

TEST(DecoderLayerExample, GivesATokenTheSameBitsAloneAndInABatch) {
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

TEST(DecoderLayerExample, PassesARefusalOn) {
  auto shape = shape_of(1);
  shape.eps = 0;
  const Stream stream;
  EXPECT_EQ(DecoderLayer::select(stream, shape).status().code(), StatusCode::InvalidProblem);
}

}  // namespace
}  // namespace qlinear::test
