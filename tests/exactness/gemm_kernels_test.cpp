// Every registered GEMM kernel, forced, against the CPU reference.

#include "support/device.hpp"
#include "support/kernel_grid.hpp"
#include "support/linear_run.hpp"

#include <common/gated_rows.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
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

/// Kernels that TMA feeds take whole blocks of gates only.
bool takes_gates(const KernelSku& sku, const LinearCase& c) {
  return !c.options.epilogue.gated || !sku.architecture_specific ||
         c.n / 2 % kernels::kGatedTmaMultiple == 0;
}

/// Tensor-core kernels may ask for 16-byte aligned operand rows; nothing else excuses a kernel.
Expectation expectation_of(const KernelSku& sku, const LinearCase& c, OperandLayout layout) {
  if (!runs_here(sku) || !takes_gates(sku, c)) return Expectation::Declined;
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
  c.tight = row[12] == 1;
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
                                           kOperandLayouts.size(),
                                           2};
  std::uint64_t seed = GetParam().seed * 1000 + GetParam().shard;
  for (const std::vector<std::size_t>& row : rows_of_shard(GetParam(), levels)) {
    expect_case(types_of(GetParam().sku, row[10]), grid_case(row, seed += GetParam().shards),
                kOperandLayouts[row[11]]);
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, GemmGrid,
                         ::testing::ValuesIn(shared_kernel_shards(KernelCategory::Gemm, 4, 20)),
                         shard_name);

class GemmRows : public GemmKernels {
 protected:
  /// Kernels that share take those next to a multiple of 16, and every fourth of the others.
  static bool takes(std::size_t m) {
    const bool at_edge = (m + 1) % 16 <= 2;
    return kWholeGrids || at_edge || m % 4 == GetParam().turn % 4;
  }
};

TEST_P(GemmRows, EveryCountUpTo130) {
  for (std::int64_t m = static_cast<std::int64_t>(GetParam().shard); m <= 130;
       m += static_cast<std::int64_t>(GetParam().shards)) {
    const auto index = static_cast<std::size_t>(m);
    if (!takes(index)) continue;
    // Of several strides, so that each kernel that shares counts sees each type.
    const std::size_t types = index / GetParam().shards + index / 16 + GetParam().turn / 4;
    expect_case(types_of(GetParam().sku, types % kTypePairs.size()),
                {.m = m, .n = 9, .k = 48, .bias = m % 3 == 0, .seed = GetParam().seed + index},
                OperandLayout::Dense);
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, GemmRows,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 2, 31)),
                         shard_name);

class GemmOptions : public GemmKernels {};

// What surrounds the product, drawn anew for each of few cases: the epilogue's own test has grids.
TEST_P(GemmOptions, EqualReference) {
  Random random(GetParam().seed * 1000 + GetParam().shard);
  for (int i = 0; i < 20; ++i) {
    const TypePair types = types_of(GetParam().sku, random.index(kTypePairs.size()));
    LinearCase c;
    c.m = kRows[random.index(kRows.size())];
    c.n = kColumns[random.index(kColumns.size())];
    c.k = kDepths[random.index(kDepths.size())];
    const QuantizedRange range = kRanges[random.index(kRanges.size())];
    c.q_min = range.q_min;
    c.q_max = range.q_max;
    c.activation = kPlacements[random.index(kPlacements.size())];
    c.output = kPlacements[random.index(kPlacements.size())];
    c.vector_offset = random.between(0, 1);
    c.tight = random.one_in(2);
    c.bias = random.one_in(2);
    c.fill = random.one_in(2) ? Fill::Gaussian : kFills[random.index(kFills.size())];
    c.workspace = kWorkspaces[random.index(kWorkspaces.size())];
    c.seed = random.next();
    draw_options(random, types, c);
    // Most of the drawn columns are no whole blocks of gates.
    if (!takes_gates(GetParam().sku, c) && !random.one_in(4)) c.n = (c.n + 15) / 16 * 16;
    expect_case(types, c, kOperandLayouts[random.index(kOperandLayouts.size())]);
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, GemmOptions,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 2, 83)),
                         shard_name);

class GemmSplits : public GemmKernels {
 protected:
  void expect_split(TypePair types, LinearCase c) {
    const bool must_split = GetParam().sku.backend == KernelBackend::MmaSync;
    c.kernel = GetParam().sku.name;
    const CaseReport report = run_case(types, c);
    EXPECT_TRUE(meets(report, !runs_here(GetParam().sku) ? Expectation::Declined
                              : must_split               ? Expectation::Exact
                                                         : Expectation::ExactOrDeclined));
  }
};

TEST_P(GemmSplits, EqualReference) {
  constexpr std::array kSplits = {2, 3, 5, 8};
  for (std::size_t i = 0; i < kSplits.size(); ++i) {
    LinearCase c{.m = 5, .n = 70, .k = 256 * kSplits[i] - 16, .bias = i % 2 == 0};
    c.seed = GetParam().seed + i;
    c.split_k = kSplits[i];
    expect_split(types_of(GetParam().sku, i), c);
  }
}

TEST_P(GemmSplits, OptionsEqualReference) {
  Random random(GetParam().seed);
  for (const int split : {2, 3, 5}) {
    LinearCase c{.m = 19, .n = 80, .k = 256 * split - 16, .bias = split == 3};
    c.seed = random.next();
    c.split_k = split;
    const TypePair types = types_of(GetParam().sku, random.index(kTypePairs.size()));
    draw_options(random, types, c);
    if (split == 2) {  // No quantize kernel clears the counters of split tiles.
      c.options = {.scale = {ScaleKind::Given, true}, .weight_zero_points = true};
    } else if (split == 3) {
      c.options.epilogue = {.activation = ActivationFunction::Relu, .gated = true};
      c.options.output_in_place = false;
    }
    expect_split(types, c);
  }
}

TEST_P(GemmSplits, WholeTilesOfLongSlices) {
  LinearCase c{.m = 129, .n = 257, .k = 1792, .seed = GetParam().seed};
  c.split_k = 2;
  expect_split(types_of(GetParam().sku, 0), c);
}

INSTANTIATE_TEST_SUITE_P(, GemmSplits,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 61)),
                         shard_name);

class GemmWaves : public GemmSplits {};

// More tiles than run at once: blocks go through several, and those that fill no wave are split.
TEST_P(GemmWaves, WholeTilesThenSlices) {
  int num_sms = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&num_sms, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  LinearCase c{.m = 48, .k = 528, .bias = true, .seed = GetParam().seed};
  c.n = 256 * (2 * num_sms + 1) + 17;
  expect_case(types_of(GetParam().sku, 0), c, OperandLayout::Dense);
  c.split_k = 3;
  expect_split(types_of(GetParam().sku, 1), c);
}

// As many weight rows as let every block have a tile, of less rows than it could hold.
TEST_P(GemmWaves, WeightRowsSpread) {
  int num_sms = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&num_sms, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  LinearCase c{.m = 5, .k = 272, .bias = true, .seed = GetParam().seed};
  for (const std::int64_t places : {num_sms / 2, num_sms, 2 * num_sms}) {
    c.n = 77 * places + 3;
    c.split_k = 0;
    expect_case(types_of(GetParam().sku, 0), c, OperandLayout::Dense);
    expect_case(types_of(GetParam().sku, 7), c, OperandLayout::Dense);
    c.split_k = 2;
    expect_split(types_of(GetParam().sku, 1), c);
  }
}

INSTANTIATE_TEST_SUITE_P(, GemmWaves,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 71)),
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
    expect_case(types_of(GetParam().sku, i), c, kOperandLayouts[i % 2]);
  }
  expect_executed();
}

// A ring that comes around under rows and columns of more than one block of a cluster, whole tiles
// of every size among them.
TEST_P(GemmDepths, LongReductionsOfManyTiles) {
  expect_case(types_of(GetParam().sku, 1), {.m = 130, .n = 140, .k = 1040, .seed = 1},
              OperandLayout::Dense);
  expect_case(types_of(GetParam().sku, 2), {.m = 130, .n = 260, .k = 1040, .seed = 2},
              OperandLayout::Dense);
  expect_case(types_of(GetParam().sku, 3), {.m = 40, .n = 140, .k = 2320, .seed = 3},
              OperandLayout::Dense);
  // So many tokens that the quantize kernel's blocks may have to spread.
  expect_case(types_of(GetParam().sku, 0), {.m = 300, .n = 20, .k = 144, .seed = 4},
              OperandLayout::Dense);
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, GemmDepths,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 47)),
                         shard_name);

template <class T>
HostMatrix<T> filled(std::int64_t rows, std::int64_t cols, double value) {
  HostMatrix<T> matrix(rows, cols);
  for (T& element : matrix.values()) element = from_double<T>(value);
  return matrix;
}

/// Multiplies a row of -128 and a row of 127 by weights of the largest magnitude. A quantize kernel
/// never writes -128 where q_max is 127, so the scratch is filled by hand.
template <class TIn, class TWQ>
void expect_extreme_sums(std::string_view kernel, std::int64_t k) {
  constexpr std::int64_t kWeight = std::is_signed_v<TWQ> ? -128 : 255;
  LinearCase c{.m = 2, .n = 3, .k = k, .q_min = -128, .fill = Fill::Lowest, .kernel = kernel};
  place_operands(c, OperandLayout::PaddedTo16);
  const Stream stream;
  const auto plan = QuantizedLinearPlan<TIn, TWQ>::select(stream, linear_descriptor<TIn, TWQ>(c),
                                                          preference_of(c));
  ASSERT_TRUE(plan.ok()) << plan.status().message();

  auto operands = make_operands<TIn, TWQ>(c);
  operands.weight_scale = filled<scale_t<TIn>>(1, c.n, 1);
  DeviceLinear<TIn, TWQ> device(c, operands);
  HostMatrix<S8> act_q = filled<S8>(c.m, c.k, -128);
  std::fill_n(act_q.row(1), c.k, S8{127});
  device.act_q.upload(act_q);
  device.act_scale.upload(filled<scale_t<TIn>>(1, c.m, 0.5));
  const GuardedWorkspace workspace(plan.value().workspace_size());
  const Status status = plan.value().multiply(stream, workspace.get(), device.args());
  ASSERT_TRUE(status.ok()) << status.message();
  stream.synchronize();

  HostMatrix<TIn> expected(c.m, c.n);
  for (std::int64_t n = 0; n < c.n; ++n) {
    expected.at(0, n) = from_double<TIn>(0.5 * static_cast<double>(c.k * -128 * kWeight));
    expected.at(1, n) = from_double<TIn>(0.5 * static_cast<double>(c.k * 127 * kWeight));
  }
  EXPECT_TRUE(same_matrix("output", expected, device.output.download())) << to_string(c);
  EXPECT_TRUE(device.output.guards_intact("output")) << to_string(c);
}

class GemmExtremes : public GemmKernels {};

// Far beyond what f32 counts exactly; f64 outputs show every bit of the sum.
TEST_P(GemmExtremes, SumsBeyondTwoToThe28) {
  const KernelSku& sku = GetParam().sku;
  if (!runs_here(sku)) return;
  if (supports(sku, ElementKind::F64, ElementKind::U8)) {
    expect_extreme_sums<double, U8>(sku.name, 8230);
    expect_extreme_sums<double, S8>(sku.name, 16400);
  } else {
    expect_extreme_sums<__nv_bfloat16, S8>(sku.name, 16400);
  }
}

INSTANTIATE_TEST_SUITE_P(, GemmExtremes,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 1)),
                         shard_name);

/// `quantize_activation`, where there is something to quantize, and then `multiply`.
template <class TIn, class TWQ>
void expect_two_calls(const LinearCase& c) {
  SCOPED_TRACE(to_string(c));
  const Stream stream;
  const auto plan = QuantizedLinearPlan<TIn, TWQ>::select(stream, linear_descriptor<TIn, TWQ>(c));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const auto operands = make_operands<TIn, TWQ>(c);
  const DeviceLinear<TIn, TWQ> device(c, operands);
  const GuardedWorkspace workspace(plan.value().workspace_size());
  const Status quantized = plan.value().quantize_activation(stream, device.args());
  const bool given = c.options.scale.kind == ScaleKind::Given;
  EXPECT_EQ(quantized.code(), given ? StatusCode::InvalidProblem : StatusCode::Ok);
  const Status status = plan.value().multiply(stream, workspace.get(), device.args());
  ASSERT_TRUE(status.ok()) << status.message();
  stream.synchronize();
  EXPECT_TRUE(device.holds(reference_result(c, operands)));
  EXPECT_TRUE(workspace.guards_intact());
}

TEST(GemmSelection, OptionsInTwoCallsEqualReference) {
  Random random(5);
  for (int i = 0; i < 64; ++i) {
    const TypePair types = kTypePairs[random.index(kTypePairs.size())];
    LinearCase c{.m = random.between(0, 40), .n = random.between(0, 99)};
    c.k = 16 * random.between(0, 20);
    c.bias = random.one_in(2);
    c.seed = random.next();
    draw_options(random, types, c);
    visit_pair(types, [&](auto activation, auto weight) {
      expect_two_calls<typename decltype(activation)::type, typename decltype(weight)::type>(c);
    });
  }
}

// 131071 * -128 * -128 is the largest sum of all.
TEST(GemmSelection, SumsUpToTheEndsOfInt32) {
  expect_extreme_sums<double, S8>({}, max_k(-128, 127, ElementKind::S8));
  expect_extreme_sums<double, U8>({}, max_k(-128, 127, ElementKind::U8));
}

}  // namespace
}  // namespace qlinear::test
