// Quantize passes with a source or a scale have the bits of the reference, through every kernel.

#include "support/linear_run.hpp"
#include "support/random.hpp"

#include <qlinear/kernels.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>

namespace qlinear::test {
namespace {

constexpr std::array kKernels = {"quantize_registers", "quantize_shared", "quantize_two_pass",
                                 "quantize_cluster"};
constexpr std::array kElements = {ElementKind::F16, ElementKind::BF16, ElementKind::F32,
                                  ElementKind::F64};

CaseReport run(ElementKind element, const LinearCase& c) {
  switch (element) {
    case ElementKind::F16:
      return run_quantize_case<__half>(c);
    case ElementKind::BF16:
      return run_quantize_case<__nv_bfloat16>(c);
    case ElementKind::F32:
      return run_quantize_case<float>(c);
    default:
      return run_quantize_case<double>(c);
  }
}

/// Whether `kernel` takes rows of `element` with `options`: with sources, clusters serve the types
/// of engines; shared memory serves those alone, and few sources.
bool takes(std::string_view kernel, ElementKind element, const LayerOptions& options) {
  const bool plain = options.source == SourceDescriptor{} && options.scale == ScaleDescriptor{} &&
                     !options.weight_zero_points;
  const bool engines = element == ElementKind::F16 || element == ElementKind::BF16;
  const SourceKind kind = options.source.kind;
  if (kernel == "quantize_cluster") return engines || plain;
  if (kernel != "quantize_shared") return true;
  return engines && (kind == SourceKind::Plain || kind == SourceKind::Gated);
}

using Parameters = std::tuple<const char*, ElementKind, SourceKind>;

class FusedQuantize : public ::testing::TestWithParam<Parameters> {
 protected:
  /// Draws the rest of the source, a scale, and where the tensors lie.
  LinearCase draw(Random& random, std::int64_t m, std::int64_t k) const {
    const auto& [kernel, element, kind] = GetParam();
    LinearCase c{.m = m, .n = 1, .k = k};
    do {
      c.options = {};
      draw_source_and_scale(random, element, false, c.options);
    } while (c.options.source.kind != kind);
    c.options.weight_zero_points = random.one_in(2);
    c.fill = kFills[random.index(kFills.size())];
    if (random.one_in(3)) {
      c.q_max = static_cast<std::int32_t>(random.between(1, 127));
      c.q_min = static_cast<std::int32_t>(random.between(-128, 0));
    }
    c.tight = random.one_in(2);
    if (random.one_in(3)) {
      c.activation.padding = random.between(0, 4);
      c.activation.offset = random.between(0, 2);
      c.scratch.padding = random.between(0, 4);
    }
    c.seed = random.next();
    c.quantize_kernel = kernel;
    return c;
  }

  void expect_exact(const LinearCase& c) const {
    const auto& [kernel, element, kind] = GetParam();
    const CaseReport report = run(element, c);
    EXPECT_EQ(report.outcome,
              takes(kernel, element, c.options) ? Outcome::Exact : Outcome::Declined)
        << report.detail;
  }
};

TEST_P(FusedQuantize, HasTheBitsOfTheReference) {
  Random random(71);
  for (const std::int64_t k :
       std::initializer_list<std::int64_t>{1, 15, 16, 17, 100, 511, 512, 513, 1000, 2048, 4100}) {
    const std::int64_t m = random.between(1, k < 600 ? 9 : 3);
    expect_exact(draw(random, m, k));
  }
}

TEST_P(FusedQuantize, TakesEmptyAndSingleRows) {
  Random random(72);
  expect_exact(draw(random, 0, 64));
  expect_exact(draw(random, 3, 0));
}

// Signs of zeros show in the norm alone. Weights of this fill are zeros of either sign, among
// others.
TEST_P(FusedQuantize, KeepsSignsOfZeros) {
  const auto& [kernel, element, kind] = GetParam();
  if (kind != SourceKind::RmsNorm && kind != SourceKind::LayerNorm) return;
  LinearCase c{.m = 3, .k = 100, .fill = Fill::HostileScales, .seed = 74};
  c.options.source = {.kind = kind, .eps = 1e-6};
  c.options.norm_weight = c.options.normed_out = true;
  c.quantize_kernel = kernel;
  expect_exact(c);
}

// More groups of 512 elements than a warp has lanes, so that columns of groups have several.
TEST_P(FusedQuantize, TakesLongRows) {
  const auto& [kernel, element, kind] = GetParam();
  Random random(73);
  const std::int64_t longest = std::string_view(kernel) == "quantize_registers" ? 16384
                               : std::string_view(kernel) == "quantize_shared"  ? 30720
                               : std::string_view(kernel) == "quantize_cluster" ? 32768
                                                                                : 33000;
  const std::int64_t k =
      element >= ElementKind::F32 ? std::min<std::int64_t>(longest, 8192) : longest;
  for (int i = 0; i < 3; ++i) expect_exact(draw(random, 2, k));
}

std::string name_of(const ::testing::TestParamInfo<Parameters>& information) {
  const auto& [kernel, element, kind] = information.param;
  return std::string(kernel) + "_" + to_string(element) + "_" + to_string(kind);
}

INSTANTIATE_TEST_SUITE_P(
    , FusedQuantize,
    ::testing::Combine(::testing::ValuesIn(kKernels), ::testing::ValuesIn(kElements),
                       ::testing::Values(SourceKind::Plain, SourceKind::ColumnFactor,
                                         SourceKind::RmsNorm, SourceKind::LayerNorm,
                                         SourceKind::Gated)),
    name_of);

}  // namespace
}  // namespace qlinear::test
