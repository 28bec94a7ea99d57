// Several layers of one activation in one call: bits, launches, and what is refused.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/linear_run.hpp"
#include "support/types.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::test {
namespace {

template <class TIn, class TWQ>
using Operands = LinearOperands<TIn, TWQ>;

/// `operands` with the activation, and what comes with it, of `first`.
template <class TIn, class TWQ>
Operands<TIn, TWQ> with_activation_of(const Operands<TIn, TWQ>& first,
                                      Operands<TIn, TWQ> operands) {
  const auto share = [&](auto member) { operands.*member = first.*member; };
  using O = Operands<TIn, TWQ>;
  share(&O::activation);
  share(&O::column_factor);
  share(&O::norm_weight);
  share(&O::norm_bias);
  share(&O::source_residual);
  share(&O::range_max);
  share(&O::range_min);
  share(&O::static_scale);
  share(&O::static_zero_point);
  share(&O::given_q);
  share(&O::given_scale);
  share(&O::given_zero_point);
  share(&O::given_sum);
  return operands;
}

/// Layers of 70, 16 and 34 rows behind one activation.
template <class TIn, class TWQ>
struct Layers {
  using Plan = QuantizedLinearPlan<TIn, TWQ>;

  explicit Layers(const LinearCase& first) {
    for (const std::int64_t n : {70, 16, 34}) {
      LinearCase c = first;
      c.n = n;
      c.seed += static_cast<std::uint64_t>(cases.size());
      if (n == 16) c.options.epilogue = {.activation = ActivationFunction::Relu};
      auto made = make_operands<TIn, TWQ>(c);
      if (!operands.empty()) made = with_activation_of(operands.front(), std::move(made));
      plans.push_back(
          Plan::select(stream, linear_descriptor<TIn, TWQ>(c), preference_of(c)).value());
      tensors.push_back(std::make_unique<DeviceLinear<TIn, TWQ>>(c, made));
      args.push_back(tensors.back()->args());
      take_activation_of(args.front(), args.back());
      cases.push_back(c);
      operands.push_back(std::move(made));
    }
    workspace = std::make_unique<GuardedWorkspace>(largest_workspace());
  }

  std::size_t largest_workspace() const {
    std::size_t bytes = 0;
    for (const Plan& plan : plans) bytes = std::max(bytes, plan.workspace_size());
    return bytes;
  }

  static void take_activation_of(const typename Plan::Args& first, typename Plan::Args& args) {
    args.activation = first.activation;
    args.act_q_scratch = first.act_q_scratch;
    args.act_scale_scratch = first.act_scale_scratch;
    args.source = first.source;
    args.scale = first.scale;
    args.given = first.given;
    args.zero_points.act_zero_point_scratch = first.zero_points.act_zero_point_scratch;
    args.zero_points.act_sum_scratch = first.zero_points.act_sum_scratch;
  }

  Status run() const {
    return Plan::run_shared(stream, workspace->get(), plans.data(), args.data(), plans.size());
  }

  /// Every output equals the reference's, and so does what the quantize pass wrote.
  void expect_exact() const {
    const LinearResult<TIn> written = tensors.front()->download();
    for (std::size_t i = 0; i < cases.size(); ++i) {
      SCOPED_TRACE(cases[i]);
      LinearResult<TIn> actual = written;
      actual.output = tensors[i]->download().output;
      EXPECT_TRUE(same_result(reference_result(cases[i], operands[i]), actual));
      EXPECT_TRUE(tensors[i]->guards_intact());
    }
  }

  void expect_untouched() const {
    stream.synchronize();
    for (const auto& layer : tensors) EXPECT_TRUE(layer->untouched());
  }

  void expect_refused(StatusCode code, const std::string& words) const {
    const Status status = run();
    EXPECT_EQ(status.code(), code);
    EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
    expect_untouched();
  }

  Stream stream;
  std::vector<LinearCase> cases;
  std::vector<Operands<TIn, TWQ>> operands;
  std::vector<Plan> plans;
  std::vector<std::unique_ptr<DeviceLinear<TIn, TWQ>>> tensors;
  std::vector<typename Plan::Args> args;
  std::unique_ptr<GuardedWorkspace> workspace;
};

template <class TIn, class TWQ>
void expect_exact(const LinearCase& c) {
  const Layers<TIn, TWQ> layers(c);
  const Status status = layers.run();
  ASSERT_TRUE(status.ok()) << status.message();
  layers.stream.synchronize();
  layers.expect_exact();
}

constexpr LinearCase kCase{.m = 5, .k = 144, .bias = true, .seed = 11};

TEST(SharedActivation, HasTheBitsOfSingleLayers) {
  for (const TypePair types : kTypePairs) {
    visit_pair(types, []<class TIn, class TWQ>(TypeTag<TIn>, TypeTag<TWQ>) {
      expect_exact<TIn, TWQ>(kCase);
    });
  }
}

TEST(SharedActivation, MayHaveSourcesScalesAndZeroPoints) {
  LinearCase norm = kCase;
  norm.options.source = {.kind = SourceKind::RmsNorm, .residual = true, .eps = 1e-5};
  norm.options.norm_weight = true;
  norm.options.scale.kind = ScaleKind::DynamicAsymmetric;
  norm.options.weight_zero_points = true;
  expect_exact<__nv_bfloat16, S8>(norm);

  LinearCase given = kCase;
  given.options.scale = {.kind = ScaleKind::Given, .zero_points = true};
  given.options.weight_zero_points = true;
  expect_exact<float, U8>(given);

  LinearCase fixed = kCase;
  fixed.options.source.kind = SourceKind::ColumnFactor;
  fixed.options.scale.kind = ScaleKind::Static;
  expect_exact<__half, S8>(fixed);
}

TEST(SharedActivation, SplitsKThroughOneWorkspace) {
  int with_workspace = 0;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm || !runs_here(sku)) continue;
    if (!supports(sku, ElementKind::F32, ElementKind::S8)) continue;
    LinearCase c = kCase;
    c.k = 768;
    c.kernel = sku.name;
    c.split_k = 3;
    const Stream stream;
    const auto plan = QuantizedLinearPlan<float, S8>::select(
        stream, linear_descriptor<float, S8>(c), preference_of(c));
    if (!plan.ok()) continue;
    with_workspace += plan.value().workspace_size() > 0 ? 1 : 0;
    expect_exact<float, S8>(c);
  }
  EXPECT_GT(with_workspace, 0);
}

// Each product may then read its weights while the one before it still runs.
TEST(SharedActivation, MayPromiseConstantWeights) {
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm || !runs_here(sku)) continue;
    if (!supports(sku, ElementKind::F32, ElementKind::S8)) continue;
    LinearCase c = kCase;
    c.k = 768;
    c.kernel = sku.name;
    Layers<float, S8> layers(c);
    for (std::size_t i = 0; i < layers.plans.size(); ++i) {
      PlanPreference preference = preference_of(layers.cases[i]);
      preference.constant_weights = true;  // It counts for every kernel that is forced.
      layers.plans[i] =
          QuantizedLinearPlan<float, S8>::select(
              layers.stream, linear_descriptor<float, S8>(layers.cases[i]), preference)
              .value();
    }
    layers.workspace = std::make_unique<GuardedWorkspace>(layers.largest_workspace());
    const Status status = layers.run();
    ASSERT_TRUE(status.ok()) << status.message();
    layers.stream.synchronize();
    layers.expect_exact();
  }
}

TEST(SharedActivation, IsQuantizedOnce) {
  const Layers<float, S8> layers(kCase);
  Status status;
  const CapturedGraph graph(layers.stream, [&] { status = layers.run(); });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(graph.nodes(), 4U);
}

TEST(SharedActivation, OfNoLayersIsNothing) {
  const Stream stream;
  using Plan = QuantizedLinearPlan<float, S8>;
  EXPECT_TRUE(Plan::run_shared(stream, {}, nullptr, nullptr, 0).ok());
}

TEST(SharedActivation, OutputsMayBeColumnsOfOneBuffer) {
  Layers<float, S8> layers(kCase);
  const GuardedMatrix<float> buffer(kCase.m, 70 + 16 + 34, {}, kFinitePoison);
  std::int64_t column = 0;
  for (auto& args : layers.args) {
    const std::int64_t n = args.output.shape[1];
    args.output = {const_cast<float*>(buffer.ref().data) + column, {kCase.m, n}, {120, 1}};
    column += n;
  }
  const Status status = layers.run();
  ASSERT_TRUE(status.ok()) << status.message();
  layers.stream.synchronize();
  const HostMatrix<float> whole = buffer.download();
  column = 0;
  for (std::size_t i = 0; i < layers.cases.size(); ++i) {
    const auto expected = reference_result(layers.cases[i], layers.operands[i]).output;
    for (std::int64_t m = 0; m < kCase.m; ++m) {
      for (std::int64_t n = 0; n < expected.cols(); ++n) {
        EXPECT_EQ(whole.at(m, column + n), expected.at(m, n)) << i;
      }
    }
    column += expected.cols();
  }
}

// A fault of the last layer must show before the first is launched.

TEST(SharedActivation, RefusesPlansThatQuantizeDifferently) {
  Layers<float, S8> layers(kCase);
  LinearCase other = layers.cases[2];
  other.q_max = 100;
  layers.plans[2] =
      QuantizedLinearPlan<float, S8>::select(layers.stream, linear_descriptor<float, S8>(other))
          .value();
  layers.expect_refused(StatusCode::InvalidProblem,
                        "plans[2] and plans[0] quantize their activation differently");
}

TEST(SharedActivation, RefusesAnotherActivation) {
  Layers<float, S8> layers(kCase);
  layers.args[2].activation = layers.tensors[2]->args().activation;
  layers.expect_refused(StatusCode::InvalidProblem, "args[2] has another activation");
  layers.args[2].activation = layers.args[0].activation;
  layers.args[1].act_q_scratch = layers.tensors[1]->args().act_q_scratch;
  layers.expect_refused(StatusCode::InvalidProblem, "args[1] has another activation");
}

TEST(SharedActivation, RefusesOutputsOverTensorsOfOtherLayers) {
  {
    Layers<float, S8> layers(kCase);
    layers.args[2].output.data = layers.args[0].output.data;
    layers.expect_refused(StatusCode::InvalidProblem, "the output of another layer");
  }
  {
    Layers<float, S8> layers(kCase);  // Read by a later layer,
    layers.args[0].output.data = const_cast<float*>(layers.args[2].bias.data);
    layers.expect_refused(StatusCode::InvalidProblem, "the output of another layer");
  }
  {
    Layers<float, S8> layers(kCase);  // and by an earlier one.
    layers.args[2].output.data = const_cast<float*>(layers.args[0].weight_scale.data);
    layers.expect_refused(StatusCode::InvalidProblem, "the output of another layer");
  }
}

// What one layer keeps in the workspace lies over no tensor of another that needs none.
TEST(SharedActivation, RefusesTensorsWithinTheWorkspaceOfOtherLayers) {
  LinearCase c = kCase;
  c.k = 768;
  c.kernel = "mma_m16n8k32_16x64x256";
  c.split_k = 3;
  Layers<float, S8> layers(c);
  ASSERT_GT(layers.plans[0].workspace_size(), 4096U);
  LinearCase whole = layers.cases[2];
  whole.split_k = 1;
  layers.plans[2] = QuantizedLinearPlan<float, S8>::select(
                        layers.stream, linear_descriptor<float, S8>(whole), preference_of(whole))
                        .value();
  ASSERT_EQ(layers.plans[2].workspace_size(), 0U);
  layers.args[2].bias.data = static_cast<const float*>(layers.workspace->get().data) + 64;
  layers.expect_refused(StatusCode::InvalidProblem, "workspace at");
}

TEST(SharedActivation, RefusesWhatOneLayerIsRefused) {
  Layers<float, S8> layers(kCase);
  layers.args[2].weight_scale.shape[0] = 1;
  layers.expect_refused(StatusCode::InvalidProblem, "weight_scale has shape");
}

}  // namespace
}  // namespace qlinear::test
