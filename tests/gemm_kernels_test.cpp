// Every registered GEMM kernel, forced, against the CPU reference.

#include "support/device.hpp"
#include "support/kernel_grid.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace qlinear::test {
namespace {

constexpr std::array<std::int64_t, 14> kRows = {0,  1,  2,  3,  8,   16,  17,
                                                31, 33, 64, 65, 100, 128, 130};
constexpr std::array<std::int64_t, 12> kColumns = {0, 1, 2, 7, 8, 16, 33, 64, 65, 96, 128, 131};
constexpr std::array<std::int64_t, 14> kDepths = {0,  1,  3,  4,  15,  16,  17,
                                                  32, 63, 64, 65, 128, 200, 257};
constexpr std::array<QuantizedRange, 6> kRanges = {
    {{-127, 127}, {-128, 127}, {0, 127}, {-7, 7}, {-128, 1}, {-3, 100}}};
/// Of activation and output, which a kernel must take anywhere.
constexpr std::array<Placement, 4> kPlacements = {{{0, 0}, {16, 16}, {3, 1}, {1, 5}}};
constexpr std::array<WorkspaceUse, 3> kWorkspaces = {WorkspaceUse::Given, WorkspaceUse::Withheld,
                                                     WorkspaceUse::Forbidden};

/// Where the two int8 operands lie.
enum class OperandLayout { Dense, PaddedTo16, Odd };
constexpr std::array kOperandLayouts = {OperandLayout::Dense, OperandLayout::PaddedTo16,
                                        OperandLayout::Odd};

void place_operands(LinearCase& c, OperandLayout layout) {
  if (layout == OperandLayout::PaddedTo16) {
    const std::int64_t padding = (16 - c.k % 16) % 16;
    c.scratch = {padding, 16};
    c.weight = {padding + 16, 32};
  } else if (layout == OperandLayout::Odd) {
    c.scratch = {3, 1};
    c.weight = {1, 7};
  }
}

/// Tensor-core kernels may ask for 16-byte aligned operand rows; nothing else excuses a kernel.
Expectation expectation_of(const KernelSku& sku, const LinearCase& c, OperandLayout layout) {
  if (!runs_here(sku)) return Expectation::Declined;
  const bool portable = sku.backend == KernelBackend::Simt || sku.backend == KernelBackend::Dp4a;
  const bool aligned =
      layout == OperandLayout::PaddedTo16 || (layout == OperandLayout::Dense && c.k % 16 == 0);
  return portable || aligned ? Expectation::Exact : Expectation::ExactOrDeclined;
}

class GemmKernels : public ::testing::TestWithParam<KernelShard> {
 protected:
  /// Runs `c` forced onto the kernel under test.
  void expect_case(TypePair types, LinearCase c, OperandLayout layout) {
    c.kernel = GetParam().sku.name;
    place_operands(c, layout);
    const CaseReport report = run_case(types, c);
    EXPECT_TRUE(meets(report, expectation_of(GetParam().sku, c, layout)));
    executed_ += report.outcome == Outcome::Exact;
  }

  void expect_executed() const { EXPECT_EQ(executed_ > 0, runs_here(GetParam().sku)); }

 private:
  int executed_ = 0;
};

class GemmGrid : public GemmKernels {};

LinearCase grid_case(const std::vector<std::size_t>& row, std::uint64_t seed) {
  LinearCase c;
  c.m = kRows[row[0]];
  c.n = kColumns[row[1]];
  c.k = kDepths[row[2]];
  c.fill = kFills[row[3]];
  c.q_min = kRanges[row[4]].q_min;
  c.q_max = kRanges[row[4]].q_max;
  c.activation = kPlacements[row[5]];
  c.output = kPlacements[row[6]];
  c.vector_offset = static_cast<std::int64_t>(row[7]);
  c.bias = row[8] == 1;
  c.workspace = kWorkspaces[row[9]];
  c.seed = seed;
  return c;
}

TEST_P(GemmGrid, EqualsReference) {
  const std::vector<std::size_t> levels = {kRows.size(),
                                           kColumns.size(),
                                           kDepths.size(),
                                           kFills.size(),
                                           kRanges.size(),
                                           kPlacements.size(),
                                           kPlacements.size(),
                                           2,
                                           2,
                                           kWorkspaces.size(),
                                           kTypePairs.size(),
                                           kOperandLayouts.size()};
  std::uint64_t seed = GetParam().seed * 1000 + GetParam().shard;
  for (const std::vector<std::size_t>& row : rows_of_shard(GetParam(), levels)) {
    expect_case(kTypePairs[row[10]], grid_case(row, seed += GetParam().shards),
                kOperandLayouts[row[11]]);
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, GemmGrid,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 4, 20)),
                         shard_name);

class GemmRows : public GemmKernels {};

TEST_P(GemmRows, EveryCountUpTo130) {
  for (std::int64_t m = static_cast<std::int64_t>(GetParam().shard); m <= 130;
       m += static_cast<std::int64_t>(GetParam().shards)) {
    const auto index = static_cast<std::size_t>(m);
    expect_case(kTypePairs[(index / GetParam().shards) % kTypePairs.size()],
                {.m = m, .n = 9, .k = 48, .bias = m % 3 == 0, .seed = GetParam().seed + index},
                OperandLayout::Dense);
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, GemmRows,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 2, 31)),
                         shard_name);

class GemmDepths : public GemmKernels {};

// Long sums: many stages of a pipeline, and enough work behind few tiles for a split of K.
TEST_P(GemmDepths, LongReductions) {
  constexpr std::array<std::int64_t, 8> kLong = {512, 1000, 1024, 2047, 2064, 3072, 4096, 5000};
  for (std::size_t i = 0; i < kLong.size(); ++i) {
    LinearCase c{.m = static_cast<std::int64_t>(1 + 7 * i % 20), .n = 12, .k = kLong[i]};
    c.bias = i % 2 == 0;
    c.workspace = kWorkspaces[i % 3 == 1 ? 1 : 0];
    c.seed = GetParam().seed + i;
    expect_case(kTypePairs[i], c, kOperandLayouts[i % 2]);
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, GemmDepths,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 47)),
                         shard_name);

class GemmExtremes : public GemmKernels {
 protected:
  /// All operands at the lowest values of the range and the weight type, K as large as it may be.
  template <class TIn, class TWQ>
  void expect_largest_sum() {
    constexpr std::int64_t kWeight = std::is_signed_v<TWQ> ? -128 : 255;
    LinearCase c{.m = 2, .n = 3, .q_min = -128, .fill = Fill::Lowest};
    c.k = max_k(c.q_min, c.q_max, element_kind_v<TWQ>);
    c.kernel = GetParam().sku.name;
    place_operands(c, OperandLayout::PaddedTo16);
    const Stream stream;
    const auto plan = QuantizedLinearPlan<TIn, TWQ>::select(stream, linear_descriptor<TIn, TWQ>(c),
                                                            preference_of(c));
    ASSERT_EQ(plan.ok(), runs_here(GetParam().sku)) << plan.status().message();
    if (!plan.ok()) return;

    auto operands = make_operands<TIn, TWQ>(c);
    for (auto& scale : operands.weight_scale.values()) scale = 1;
    DeviceLinear<TIn, TWQ> device(c, operands);
    device.act_q.upload(filled(HostMatrix<S8>(c.m, c.k), S8{-128}));
    device.act_scale.upload(filled(HostMatrix<scale_t<TIn>>(1, c.m), scale_t<TIn>{0.5}));
    const GuardedWorkspace workspace(plan.value().workspace_size());
    const Status status = plan.value().multiply(stream, workspace.get(), device.args());
    ASSERT_TRUE(status.ok()) << status.message();
    stream.synchronize();

    const double sum = static_cast<double>(c.k * -128 * kWeight);
    EXPECT_TRUE(same_matrix("output",
                            filled(HostMatrix<TIn>(c.m, c.n), from_double<TIn>(0.5 * sum)),
                            device.output.download()))
        << to_string(c);
    EXPECT_TRUE(device.output.guards_intact("output")) << to_string(c);
  }

 private:
  template <class T>
  static HostMatrix<T> filled(HostMatrix<T> matrix, T value) {
    for (T& element : matrix.values()) element = value;
    return matrix;
  }
};

// 131071 * -128 * -128 is the largest sum that fits, and f32 holds it exactly.
TEST_P(GemmExtremes, LargestSumOfSignedWeights) { expect_largest_sum<float, S8>(); }

TEST_P(GemmExtremes, LowestSumOfUnsignedWeights) { expect_largest_sum<double, U8>(); }

INSTANTIATE_TEST_SUITE_P(, GemmExtremes,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 1)),
                         shard_name);

}  // namespace
}  // namespace qlinear::test
