// What a row's bits may not depend on: the other rows, their number and order, the kernel, the
// placement, the stream and the run.

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <qlinear/kernels.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace qlinear::test {
namespace {

constexpr LinearCase kFullBatch{.m = 130, .n = 37, .k = 80, .bias = true, .seed = 2};

std::vector<std::int64_t> permuted_rows(std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  Random random(seed);
  for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.index(i)]);
  return rows;
}

/// Parametrised over type pairs, which the name of the test shows.
class Invariance : public ::testing::TestWithParam<TypePair> {
 protected:
  template <class Check>
  static void for_types(const Check& check) {
    visit_pair(GetParam(), [&](auto activation, auto weight) {
      check.template
      operator()<typename decltype(activation)::type, typename decltype(weight)::type>();
    });
  }
};

std::string type_pair_name(const ::testing::TestParamInfo<TypePair>& info) {
  return to_string(info.param);
}

TEST_P(Invariance, RowsDoNotDependOnTheirBatch) {
  for_types([]<class TIn, class TWQ>() {
    const auto operands = make_operands<TIn, TWQ>(kFullBatch);
    const auto full = device_result(kFullBatch, operands);
    const std::array<std::vector<std::int64_t>, 6> batches = {
        {{0}, {77}, {129}, {5, 64, 6}, permuted_rows(64, 8), permuted_rows(130, 9)}};
    for (const std::vector<std::int64_t>& rows : batches) {
      LinearCase c = kFullBatch;
      c.m = static_cast<std::int64_t>(rows.size());
      const auto part = device_result(c, with_rows(operands, rows));
      EXPECT_TRUE(same_result(select_rows(full, rows), part)) << c;
    }
  });
}

TEST_P(Invariance, NonFiniteRowsStayAlone) {
  for_types([]<class TIn, class TWQ>() {
    auto operands = make_operands<TIn, TWQ>(kFullBatch);
    const auto clean = device_result(kFullBatch, operands);
    operands.activation.at(64, 79) = from_double<TIn>(std::numeric_limits<double>::quiet_NaN());
    operands.activation.at(3, 0) = from_double<TIn>(-std::numeric_limits<double>::infinity());
    const auto spoiled = device_result(kFullBatch, operands);
    std::vector<std::int64_t> others;
    for (std::int64_t row = 0; row < kFullBatch.m; ++row) {
      if (row != 3 && row != 64) others.push_back(row);
    }
    EXPECT_TRUE(same_result(select_rows(clean, others), select_rows(spoiled, others)));
    for (const std::int64_t row : {std::int64_t{3}, std::int64_t{64}}) {
      for (std::int64_t n = 0; n < kFullBatch.n; ++n) {
        EXPECT_TRUE(is_nan(spoiled.output.at(row, n))) << row << ", " << n;
      }
    }
  });
}

TEST_P(Invariance, RunsRepeatThemselves) {
  for_types([]<class TIn, class TWQ>() {
    const LinearCase c{.m = 33, .n = 70, .k = 300, .seed = 5};
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto first = device_result(c, operands);
    for (int run = 0; run < 4; ++run) {
      EXPECT_TRUE(same_result(first, device_result(c, operands))) << c;
    }
  });
}

TEST_P(Invariance, PlacementLeavesNoTrace) {
  for_types([]<class TIn, class TWQ>() {
    LinearCase c{.m = 19, .n = 34, .k = 48, .bias = true, .seed = 12};
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto dense = device_result(c, operands);
    for (const Placement placement : {Placement{16, 16}, Placement{1, 0}, Placement{5, 3}}) {
      c.activation = c.weight = c.output = c.scratch = placement;
      c.vector_offset = placement.offset;
      EXPECT_TRUE(same_result(dense, device_result(c, operands))) << c;
    }
  });
}

TEST_P(Invariance, KernelsAgree) {
  for_types([]<class TIn, class TWQ>() {
    LinearCase c{.m = 21, .n = 40, .k = 192, .bias = true, .seed = 21};
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto chosen = device_result(c, operands);
    for (const KernelSku& sku : registered_kernels()) {
      const bool is_gemm = sku.category == KernelCategory::Gemm;
      const ElementKind weight = is_gemm ? element_kind_v<TWQ> : ElementKind::S8;
      if (!runs_here(sku) || !supports(sku, element_kind_v<TIn>, weight)) continue;
      LinearCase forced = c;
      (is_gemm ? forced.kernel : forced.quantize_kernel) = sku.name;
      EXPECT_TRUE(same_result(chosen, device_result(forced, operands))) << forced;
    }
  });
}

// The q, k and v projections of one attention layer: one quantized activation, three weights.
TEST_P(Invariance, ProjectionsShareOneQuantizedActivation) {
  for_types([]<class TIn, class TWQ>() {
    const LinearCase c{.m = 9, .n = 24, .k = 64, .seed = 30};
    const Stream stream;
    const auto plan =
        QuantizedLinearPlan<TIn, TWQ>::select(stream, linear_descriptor<TIn, TWQ>(c)).value();
    const auto first = make_operands<TIn, TWQ>(c);
    const DeviceLinear<TIn, TWQ> shared(c, first);
    ASSERT_TRUE(plan.quantize_activation(stream, shared.args()).ok());
    for (const std::uint64_t seed : {31, 32, 33}) {
      LinearCase projection = c;
      projection.seed = seed;
      auto operands = make_operands<TIn, TWQ>(projection);
      operands.activation = first.activation;
      const DeviceLinear<TIn, TWQ> device(projection, operands);
      auto args = device.args();
      args.act_q_scratch = shared.args().act_q_scratch;
      args.act_scale_scratch = shared.args().act_scale_scratch;
      args.activation = {};  // multiply does not look at it.
      const GuardedWorkspace workspace(plan.workspace_size());
      const Status status = plan.multiply(stream, workspace.get(), args);
      ASSERT_TRUE(status.ok()) << status.message();
      stream.synchronize();
      EXPECT_TRUE(same_matrix("output", reference_result(projection, operands).output,
                              device.output.download()));
      EXPECT_TRUE(device.guards_intact());
    }
    EXPECT_TRUE(shared.output.untouched("output of the shared activation"));
  });
}

INSTANTIATE_TEST_SUITE_P(, Invariance, ::testing::ValuesIn(kTypePairs), type_pair_name);

}  // namespace
}  // namespace qlinear::test
