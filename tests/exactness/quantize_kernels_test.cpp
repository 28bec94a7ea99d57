// Every registered quantize kernel, forced, against the CPU reference.

#include "support/device.hpp"
#include "support/kernel_grid.hpp"
#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace qlinear::test {
namespace {

constexpr std::array<std::int64_t, 7> kRows = {0, 1, 2, 3, 4, 7, 33};
/// Around the widths of a vector, a warp, a block and what a block's registers hold.
constexpr std::array<std::int64_t, 22> kColumns = {0,    1,    2,    7,    8,    15,  16,  17,
                                                   31,   33,   127,  128,  129,  255, 256, 257,
                                                   1000, 2048, 4095, 4096, 5003, 8192};
constexpr std::array<QuantizedRange, 6> kRanges = {
    {{-127, 127}, {-128, 127}, {0, 127}, {-8, 7}, {-128, 1}, {-3, 100}}};
constexpr std::array<Placement, 5> kPlacements = {{{0, 0}, {16, 16}, {1, 0}, {0, 1}, {5, 3}}};
/// Up to here every kernel takes a row; a longer one may be declined by a kernel that holds the row
/// in registers or shared memory.
constexpr std::int64_t kColumnsOfEveryKernel = 1024;

Expectation expectation_of(const KernelSku& sku, ElementKind element, const LinearCase& c) {
  if (!runs_here(sku) || !supports(sku, element, ElementKind::S8)) return Expectation::Declined;
  return c.k <= kColumnsOfEveryKernel ? Expectation::Exact : Expectation::ExactOrDeclined;
}

class QuantizeKernels : public ::testing::TestWithParam<KernelShard> {
 protected:
  void expect_case(ElementKind element, LinearCase c) {
    c.quantize_kernel = GetParam().sku.name;
    const CaseReport report = run_quantize_case(element, c);
    EXPECT_TRUE(meets(report, expectation_of(GetParam().sku, element, c)));
    executed_ += report.outcome == Outcome::Exact;
  }

  void expect_executed() const { EXPECT_EQ(executed_ > 0, runs_here(GetParam().sku)); }

 private:
  int executed_ = 0;
};

class QuantizeGrid : public QuantizeKernels {};

TEST_P(QuantizeGrid, EqualsReference) {
  const std::vector<std::size_t> levels = {kColumns.size(),
                                           kRows.size(),
                                           kFills.size(),
                                           kRanges.size(),
                                           kPlacements.size(),
                                           kPlacements.size(),
                                           2,
                                           kActivationKinds.size(),
                                           2};
  std::uint64_t seed = GetParam().seed * 1000 + GetParam().shard;
  for (const std::vector<std::size_t>& row : rows_of_shard(GetParam(), levels)) {
    LinearCase c{.m = kRows[row[1]], .n = 0, .k = kColumns[row[0]]};
    c.fill = kFills[row[2]];
    c.q_min = kRanges[row[3]].q_min;
    c.q_max = kRanges[row[3]].q_max;
    c.activation = kPlacements[row[4]];
    c.scratch = kPlacements[row[5]];
    c.vector_offset = static_cast<std::int64_t>(row[6]);
    c.tight = row[8] == 1;
    c.seed = seed += GetParam().shards;
    expect_case(kActivationKinds[row[7]], c);
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, QuantizeGrid,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Quantize, 4, 11)),
                         shard_name);

class QuantizeFills : public QuantizeKernels {};

// Each kind of content meets each element type on rows short and long.
TEST_P(QuantizeFills, EveryFillOfEveryElement) {
  for (const ElementKind element : kActivationKinds) {
    for (const Fill fill : kFills) {
      for (const std::int64_t k : {40, 515}) {
        expect_case(element, {.m = 6, .n = 0, .k = k, .fill = fill, .seed = GetParam().seed});
      }
    }
  }
  expect_executed();
}

INSTANTIATE_TEST_SUITE_P(, QuantizeFills,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Quantize, 1, 5)),
                         shard_name);

class QuantizeLongRows : public QuantizeKernels {};

TEST_P(QuantizeLongRows, EqualReference) {
  constexpr std::array<std::int64_t, 5> kLong = {16383, 16384, 28672, 32769, 70000};
  for (std::size_t i = 0; i < kLong.size(); ++i) {
    for (const ElementKind element : kActivationKinds) {
      LinearCase c{.m = 2, .n = 0, .k = kLong[i], .seed = GetParam().seed + i};
      c.activation = kPlacements[i % 2];
      c.fill = i % 2 == 0 ? Fill::Gaussian : Fill::Outliers;
      expect_case(element, c);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, QuantizeLongRows,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Quantize, 1, 3)),
                         shard_name);

// With nothing forced some kernel takes every row, whatever its length.
TEST(QuantizeSelection, TakesEveryLength) {
  for (const std::int64_t k : {0, 1, 4096, 16384, 40001, 131073}) {
    for (const ElementKind element : kActivationKinds) {
      EXPECT_TRUE(is_exact(run_quantize_case(element, {.m = 2, .n = 0, .k = k, .seed = 9})));
    }
  }
}

}  // namespace
}  // namespace qlinear::test
