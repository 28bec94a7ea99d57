// Random cases over everything that a caller can vary.
//   QLINEAR_SOAK_CASES=10000 soak_test    runs that many
//   QLINEAR_SOAK_SEED=123 soak_test       runs that case alone

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <qlinear/kernels.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace qlinear::test {
namespace {

constexpr std::uint64_t kDefaultCases = 160;
constexpr std::uint64_t kShards = 4;
/// Multiplications of one case; keeps a run on the emulated device short.
constexpr std::int64_t kMostWork = 1 << 20;

std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

/// Small sizes, powers of two and their neighbours more often than others.
std::int64_t random_size(Random& random, std::int64_t most) {
  std::int64_t size = 0;
  switch (random.index(4)) {
    case 0:
      size = random.between(0, 9);
      break;
    case 1:
      size = (std::int64_t{1} << random.between(0, 12)) + random.between(-1, 1);
      break;
    case 2:
      size = 16 * random.between(1, 40);
      break;
    default:
      size = random.between(1, 500);
  }
  return std::min(size, most);
}

Placement random_placement(Random& random) {
  switch (random.index(3)) {
    case 0:
      return {};
    case 1:
      return {16 * random.between(0, 3), 16 * random.between(0, 3)};
    default:
      return {random.between(0, 20), random.between(0, 20)};
  }
}

/// A registered kernel of `category` that runs `types` here, or none.
std::string_view random_kernel(Random& random, KernelCategory category, TypePair types) {
  std::vector<std::string_view> names(2);
  for (const KernelSku& sku : registered_kernels()) {
    const ElementKind weight = category == KernelCategory::Gemm ? types.weight : ElementKind::S8;
    if (sku.category != category || !supports(sku, types.activation, weight)) continue;
    if (runs_here(sku)) names.emplace_back(sku.name);
  }
  return names[random.index(names.size())];
}

LinearCase random_case(Random& random, TypePair types, std::uint64_t seed) {
  LinearCase c{.seed = seed};
  c.k = random_size(random, 4096);
  c.n =
      random_size(random, std::min<std::int64_t>(600, kMostWork / std::max<std::int64_t>(c.k, 1)));
  c.m = random_size(random, kMostWork / std::max<std::int64_t>(c.k * c.n, 2000));
  c.q_max = static_cast<std::int32_t>(random.one_in(2) ? 127 : random.between(1, 127));
  c.q_min = static_cast<std::int32_t>(random.one_in(2) ? -c.q_max : random.between(-128, 0));
  c.activation = random_placement(random);
  c.weight = random_placement(random);
  c.output = random_placement(random);
  c.scratch = random_placement(random);
  c.vector_offset = random.between(0, 3);
  c.tight = random.one_in(2);
  c.bias = random.one_in(2);
  c.fill = random.one_in(2) ? Fill::Gaussian : kFills[random.index(kFills.size())];
  c.kernel = random_kernel(random, KernelCategory::Gemm, types);
  c.quantize_kernel = random_kernel(random, KernelCategory::Quantize, types);
  if (random.one_in(3)) c.split_k = static_cast<int>(random.between(1, 6));
  c.workspace = random.one_in(3) ? WorkspaceUse::Withheld : WorkspaceUse::Given;
  if (random.one_in(2)) return c;
  draw_options(random, types, c);
  if (c.options.scale.kind == ScaleKind::Given) c.quantize_kernel = {};
  return c;
}

/// A kernel may decline what it was forced to do; then the library's own choice must do it.
void expect_seed(std::uint64_t seed) {
  Random random(seed);
  const TypePair types = kTypePairs[random.index(kTypePairs.size())];
  LinearCase c = random_case(random, types, seed);
  CaseReport report = run_case(types, c);
  if (report.outcome == Outcome::Declined) {
    c.kernel = c.quantize_kernel = {};
    c.split_k = 0;
    report = run_case(types, c);
  }
  EXPECT_TRUE(is_exact(report)) << "again: QLINEAR_SOAK_SEED=" << seed << " soak_test";
}

class Soak : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Soak, RandomCasesEqualReference) {
  if (const std::uint64_t seed = number_from_environment("QLINEAR_SOAK_SEED", 0); seed != 0) {
    if (seed % kShards == GetParam()) expect_seed(seed);
    return;
  }
  const std::uint64_t cases = number_from_environment("QLINEAR_SOAK_CASES", kDefaultCases);
  for (std::uint64_t seed = 1; seed <= cases; ++seed) {
    if (seed % kShards == GetParam()) expect_seed(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(, Soak, ::testing::Range(std::uint64_t{0}, kShards));

}  // namespace
}  // namespace qlinear::test
