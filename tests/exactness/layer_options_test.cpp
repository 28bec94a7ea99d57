// Layers with sources, scales, zero points and epilogues on the CPU reference: what a fused chain
// may not change, what a row may not depend on, and the same in arithmetic of another kind.

#include "support/linear_run.hpp"

#include <qlinear/reference.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace qlinear::test {
namespace {

LinearCase random_case(Random& random, TypePair types) {
  constexpr std::array<std::int64_t, 12> kColumns = {0,   1,   15,  16,  17,   31,
                                                     100, 511, 512, 513, 1000, 1600};
  LinearCase c;
  c.seed = random.next();
  c.m = random.between(0, 5);
  c.n = random.between(0, 9);
  c.k = kColumns[random.index(kColumns.size())];
  c.q_max = static_cast<std::int32_t>(random.one_in(2) ? 127 : random.between(1, 127));
  c.q_min = static_cast<std::int32_t>(random.one_in(2) ? -c.q_max : random.between(-128, 0));
  c.bias = random.one_in(2);
  c.fill = kFills[random.index(kFills.size())];
  draw_options(random, types, c);
  return c;
}

/// Parametrised over type pairs, which the name of the test shows.
class LayerOptionsTest : public ::testing::TestWithParam<TypePair> {
 protected:
  template <class Check>
  static void for_random_cases(int count, const Check& check) {
    visit_pair(GetParam(), [&](auto activation, auto weight) {
      Random random(7);
      for (int i = 0; i < count; ++i) {
        const LinearCase c = random_case(random, GetParam());
        SCOPED_TRACE(to_string(GetParam()) + " " + to_string(c));
        check.template
        operator()<typename decltype(activation)::type, typename decltype(weight)::type>(c);
      }
    });
  }
};

TEST_P(LayerOptionsTest, RowsDoNotDependOnTheirBatch) {
  for_random_cases(200, []<class TIn, class TWQ>(const LinearCase& c) {
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto full = reference_result(c, operands);
    for (std::int64_t row = 0; row < c.m; ++row) {
      LinearCase alone = c;
      alone.m = 1;
      const auto part = reference_result(alone, with_rows(operands, {row}));
      EXPECT_TRUE(same_result(select_rows(full, {row}), part)) << row;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(, LayerOptionsTest, ::testing::ValuesIn(kTypePairs),
                         [](const auto& types) { return to_string(types.param); });

}  // namespace
}  // namespace qlinear::test
