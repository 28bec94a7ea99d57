// The test support itself: a harness that overlooks errors proves nothing.

#include "support/guarded_matrix.hpp"
#include "support/linear_run.hpp"
#include "support/pairwise.hpp"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

namespace qlinear::test {
namespace {

HostMatrix<float> counting_matrix(std::int64_t rows, std::int64_t cols) {
  HostMatrix<float> matrix(rows, cols);
  float value = 0;
  for (float& element : matrix.values()) element = value++;
  return matrix;
}

void overwrite(void* device_address, std::uint8_t byte) {
  check(cudaMemcpy(device_address, &byte, 1, cudaMemcpyHostToDevice), "cudaMemcpy");
}

TEST(GuardedMatrix, ReturnsWhatWasUploaded) {
  const HostMatrix<float> values = counting_matrix(3, 5);
  const GuardedMatrix<float> matrix(values, {.padding = 2, .offset = 1}, kNanPoison);
  EXPECT_TRUE(same_matrix("values", values, matrix.download()));
  EXPECT_TRUE(matrix.untouched("values"));
  EXPECT_EQ(matrix.ref().stride[0], 7);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.data()) % 16, sizeof(float));
}

TEST(GuardedMatrix, NoticesEveryByteAroundTheElements) {
  const GuardedMatrix<float> matrix(2, 3, {.padding = 1, .offset = 1}, kNanPoison);
  auto* bytes = reinterpret_cast<std::uint8_t*>(matrix.data());
  for (const std::ptrdiff_t outside : {-516, -5, -1, 12, 15, 28, 543}) {
    overwrite(bytes + outside, 0);
    EXPECT_FALSE(matrix.guards_intact("matrix")) << outside;
    overwrite(bytes + outside, kNanPoison);
    EXPECT_TRUE(matrix.guards_intact("matrix")) << outside;
  }
}

TEST(GuardedMatrix, TellsWrittenElementsFromUntouchedOnes) {
  const GuardedMatrix<float> matrix(2, 3, {.padding = 1, .offset = 1}, kNanPoison);
  overwrite(matrix.data() + 5, 0);
  EXPECT_TRUE(matrix.guards_intact("matrix"));
  EXPECT_FALSE(matrix.untouched("matrix"));
}

TEST(GuardedMatrix, MayEndWithItsLastElement) {
  const HostMatrix<float> values = counting_matrix(3, 5);
  const GuardedMatrix<float> matrix(values, {.padding = 4, .offset = 1, .tight = true}, kNanPoison);
  EXPECT_TRUE(same_matrix("values", values, matrix.download()));
  EXPECT_TRUE(matrix.untouched("values"));
  overwrite(matrix.data() + 5, 0);
  EXPECT_FALSE(matrix.guards_intact("values"));
}

TEST(SameMatrix, ComparesBits) {
  HostMatrix<float> expected = counting_matrix(2, 3);
  HostMatrix<float> actual = expected;
  EXPECT_TRUE(same_matrix("x", expected, actual));
  actual.at(0, 0) = -0.0F;
  actual.at(1, 2) = 7;
  const auto difference = same_matrix("x", expected, actual);
  EXPECT_FALSE(difference);
  EXPECT_STREQ(difference.message(),
               "x[0,0] is 0x80000000 (-0) instead of 0x00000000 (0); 2 of 6 differ");
}

TEST(SameMatrix, TakesAnyNanForAnyOther) {
  const HostMatrix<__half> poison = GuardedMatrix<__half>(1, 1, {}, kNanPoison).download();
  HostMatrix<__half> nan(1, 1);
  nan.at(0, 0) = from_double<__half>(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(same_matrix("x", nan, poison));
  nan.at(0, 0) = from_double<__half>(1);
  EXPECT_FALSE(same_matrix("x", nan, poison));
}

TEST(PairwiseRows, ShowEveryPairOfLevels) {
  const std::vector<std::size_t> levels = {5, 1, 7, 2, 3};
  std::set<std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>> pairs;
  const auto rows = pairwise_rows(levels, 3);
  for (const auto& row : rows) {
    for (std::size_t a = 0; a < levels.size(); ++a) {
      for (std::size_t b = a + 1; b < levels.size(); ++b) pairs.emplace(a, row[a], b, row[b]);
    }
  }
  std::size_t expected = 0;
  for (std::size_t a = 0; a < levels.size(); ++a) {
    for (std::size_t b = a + 1; b < levels.size(); ++b) expected += levels[a] * levels[b];
  }
  EXPECT_EQ(pairs.size(), expected);
  EXPECT_LT(rows.size(), 50U);
  EXPECT_EQ(rows, pairwise_rows(levels, 3));
}

TEST(LinearCase, PrintsItselfAsCode) {
  LinearCase c{.m = 3, .n = 4, .k = 5, .q_min = -128, .bias = true, .seed = 9};
  c.weight = {.padding = 1, .offset = 2};
  c.fill = Fill::Ties;
  c.kernel = "some_kernel";
  c.workspace = WorkspaceUse::Withheld;
  EXPECT_EQ(to_string(c),
            "LinearCase{.m=3, .n=4, .k=5, .q_min=-128, .weight={.padding=1, .offset=2}, "
            ".bias=true, .fill=Fill::Ties, .seed=9, .kernel=\"some_kernel\", "
            ".workspace=WorkspaceUse::Withheld}");
}

// The fills that are named after a property have it: otherwise the grids test less than they say.
TEST(Fill, TiesAreTies) {
  const LinearCase c{.m = 4, .n = 1, .k = 64, .fill = Fill::Ties};
  const auto operands = make_operands<__nv_bfloat16, S8>(c);
  for (std::int64_t r = 0; r < c.m; ++r) {
    double amax = 0;
    for (std::int64_t k = 0; k < c.k; ++k) {
      amax = std::fmax(amax, std::abs(to_double(operands.activation.at(r, k))));
    }
    EXPECT_EQ(amax, 127);
  }
  EXPECT_EQ(std::abs(std::remainder(to_double(operands.activation.at(0, 3)), 1.0)), 0.5);
}

TEST(Fill, TinyRowsNeedScalingAndSometimesDoNot) {
  const LinearCase c{.m = 64, .n = 1, .k = 8, .fill = Fill::TinyRows};
  const auto operands = make_operands<float, S8>(c);
  int overflowing = 0;
  for (std::int64_t r = 0; r < c.m; ++r) {
    float amax = 0;
    for (std::int64_t k = 0; k < c.k; ++k) {
      amax = std::fmax(amax, std::fabs(operands.activation.at(r, k)));
    }
    overflowing += std::isinf(127.0F / amax);
  }
  EXPECT_GT(overflowing, 10);
  EXPECT_LT(overflowing, 54);
}

TEST(Fill, NonFiniteMixesRows) {
  const LinearCase c{.m = 64, .n = 1, .k = 8, .fill = Fill::NonFinite};
  const auto result = reference_result(c, make_operands<__half, U8>(c));
  int nan_rows = 0;
  for (const float scale : result.act_scale.values()) nan_rows += is_nan(scale);
  EXPECT_GT(nan_rows, 10);
  EXPECT_LT(nan_rows, 54);
}

}  // namespace
}  // namespace qlinear::test
