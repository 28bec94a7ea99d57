// The decoder layer of the example has the bits of the reference, of the same steps through memory,
// and of each token alone; it is one graph of eight kernels.

#include "decoder_layer.hpp"

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <reference/source.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace qlinear::test {
namespace {

using examples::Bf16;
using examples::DecoderLayer;
using examples::DecoderLayerShape;
using Plan = QuantizedLinearPlan<Bf16, S8>;
using Matrix = HostMatrix<Bf16>;

DecoderLayerShape shape_of(std::int64_t tokens) { return {tokens, 256, 256, 64, 512, 1e-5}; }

struct Weight {
  Weight(std::int64_t rows, std::int64_t columns, std::uint64_t seed)
      : q(make_weight<S8>(rows, columns, Fill::Gaussian, seed)) {
    // Outputs are about as large as inputs, where SiLU bends.
    const double usual = 1 / (74 * std::sqrt(static_cast<double>(columns)));
    Random random(seed + 1);
    scale = make_vector<float>(rows, [&] { return usual * (0.5 + random.uniform()); });
  }

  HostMatrix<S8> q;
  HostMatrix<float> scale;
};

struct Weights {
  explicit Weights(const DecoderLayerShape& s)
      : attention_norm(make_factors<Bf16>(s.hidden, Fill::Gaussian, 1)),
        qkv(s.query + 2 * s.key_value, s.hidden, 2),
        o(s.hidden, s.query, 3),
        mlp_norm(make_factors<Bf16>(s.hidden, Fill::Gaussian, 4)),
        gate_up(2 * s.intermediate, s.hidden, 5),
        down(s.hidden, s.intermediate, 6) {}

  Matrix attention_norm;
  Weight qkv;
  Weight o;
  Matrix mlp_norm;
  Weight gate_up;
  Weight down;
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

QuantizedLinearDescriptor descriptor_of(const TensorRef<Bf16, 2>& x, const Weight& weight,
                                        const SourceDescriptor& source) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = x.shape[0];
  descriptor.c_out = weight.q.rows();
  descriptor.k = weight.q.cols();
  descriptor.source = source;
  return descriptor;
}

/// A linear on the CPU. A residual is replaced by the new one.
Matrix reference_linear(const TensorRef<Bf16, 2>& x, const Weight& weight,
                        const SourceDescriptor& source, const Matrix* norm_weight = nullptr,
                        Matrix* residual = nullptr) {
  const auto descriptor = descriptor_of(x, weight, source);
  Matrix output(descriptor.m, descriptor.c_out);
  HostMatrix<S8> act_q(descriptor.m, descriptor.k);
  HostMatrix<float> act_scale(1, descriptor.m);
  QuantizedLinearArgs<Bf16, S8> args{x,
                                     weight.q.matrix(),
                                     weight.scale.vector(),
                                     output.matrix(),
                                     act_q.matrix(),
                                     act_scale.vector()};
  if (norm_weight != nullptr) args.source.norm_weight = tensor_view(norm_weight->vector());
  if (residual != nullptr) {
    args.source.residual = args.source.residual_out = tensor_view(residual->matrix());
  }
  const Status status = reference::quantized_linear(descriptor, args);
  EXPECT_TRUE(status.ok()) << status.message();
  return output;
}

State reference_layer(const DecoderLayerShape& shape, const Weights& w, State s) {
  const SourceDescriptor norm{.kind = SourceKind::RmsNorm, .residual = true, .eps = shape.eps};
  const SourceDescriptor gated{.kind = SourceKind::Gated, .function = ActivationFunction::Silu};
  s.qkv = reference_linear(s.hidden.matrix(), w.qkv, norm, &w.attention_norm, &s.residual);
  s.hidden = reference_linear(queries(s.qkv.row(0), shape), w.o, {});
  s.gate_up = reference_linear(s.hidden.matrix(), w.gate_up, norm, &w.mlp_norm, &s.residual);
  s.hidden = reference_linear(s.gate_up.matrix(), w.down, gated);
  return s;
}

template <class T>
GuardedMatrix<T> on_device(const HostMatrix<T>& values) {
  return {values, {}, kNanPoison};
}

template <class T>
GuardedMatrix<T> poisoned(std::int64_t rows, std::int64_t columns) {
  return {rows, columns, {}, kNanPoison};
}

struct DeviceWeight {
  explicit DeviceWeight(const Weight& weight)
      : q(on_device(weight.q)), scale(on_device(weight.scale)) {}
  examples::Int8Weight get() const { return {q.data(), scale.data()}; }

  GuardedMatrix<S8> q;
  GuardedMatrix<float> scale;
};

struct DeviceWeights {
  explicit DeviceWeights(const Weights& w)
      : attention_norm(on_device(w.attention_norm)),
        qkv(w.qkv),
        o(w.o),
        mlp_norm(on_device(w.mlp_norm)),
        gate_up(w.gate_up),
        down(w.down) {}
  examples::DecoderLayerWeights get() const {
    return {attention_norm.data(), qkv.get(), o.get(), mlp_norm.data(), gate_up.get(), down.get()};
  }

  GuardedMatrix<Bf16> attention_norm;
  DeviceWeight qkv;
  DeviceWeight o;
  GuardedMatrix<Bf16> mlp_norm;
  DeviceWeight gate_up;
  DeviceWeight down;
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

/// A linear on the device without residual, in a call for each of its halves.
Matrix separate_linear(const Matrix& x, const Weight& weight, const SourceDescriptor& source,
                       const Matrix& norm_weight) {
  const Stream stream;
  const auto descriptor = descriptor_of(x.matrix(), weight, source);
  const Plan plan = Plan::select(stream, descriptor).value();
  const DeviceWeight device_weight(weight);
  const auto activation = on_device(x);
  const auto norm = on_device(norm_weight);
  const auto output = poisoned<Bf16>(descriptor.m, descriptor.c_out);
  const auto act_q = poisoned<S8>(descriptor.m, descriptor.k);
  const auto act_scale = poisoned<float>(1, descriptor.m);
  const GuardedWorkspace workspace(plan.workspace_size());
  Plan::Args args{activation.ref(), device_weight.q.ref(), device_weight.scale.vector_ref(),
                  output.mut(),     act_q.mut(),           act_scale.vector_mut()};
  args.source.norm_weight = tensor_view(norm.vector_ref());
  EXPECT_TRUE(plan.quantize_activation(stream, args).ok());
  EXPECT_TRUE(plan.multiply(stream, workspace.get(), args).ok());
  stream.synchronize();
  return output.download();
}

Matrix sum_of(const Matrix& a, const Matrix& b) {
  Matrix sum(a.rows(), a.cols());
  for (std::size_t i = 0; i < sum.values().size(); ++i) {
    sum.values()[i] =
        __float2bfloat16_rn(__bfloat162float(a.values()[i]) + __bfloat162float(b.values()[i]));
  }
  return sum;
}

/// `silu(gate) * up`
Matrix gated_silu(const Matrix& gate_up) {
  using namespace reference::steps;
  Matrix products(gate_up.rows(), gate_up.cols() / 2);
  for (std::int64_t m = 0; m < products.rows(); ++m) {
    for (std::int64_t k = 0; k < products.cols(); ++k) {
      store(gated<Bf16>(ActivationFunction::Silu, widen(gate_up.at(m, k)),
                        widen(gate_up.at(m, products.cols() + k))),
            products.at(m, k));
    }
  }
  return products;
}

Matrix first_columns(const Matrix& matrix, std::int64_t count) {
  std::vector<std::int64_t> columns(static_cast<std::size_t>(count));
  std::iota(columns.begin(), columns.end(), std::int64_t{0});
  return select_columns(matrix, columns);
}

/// The layer with every step between norms and products through memory.
State separate_layer(const DecoderLayerShape& shape, const Weights& w, State s) {
  const SourceDescriptor norm{.kind = SourceKind::RmsNorm, .eps = shape.eps};
  s.residual = sum_of(s.hidden, s.residual);
  s.qkv = separate_linear(s.residual, w.qkv, norm, w.attention_norm);
  s.hidden = separate_linear(first_columns(s.qkv, shape.query), w.o, {}, {});
  s.residual = sum_of(s.hidden, s.residual);
  s.gate_up = separate_linear(s.residual, w.gate_up, norm, w.mlp_norm);
  s.hidden = separate_linear(gated_silu(s.gate_up), w.down, {}, {});
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
