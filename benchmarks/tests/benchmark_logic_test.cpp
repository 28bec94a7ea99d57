#include <gtest/gtest.h>
#include <harness/floor.hpp>
#include <harness/options.hpp>
#include <harness/shapes.hpp>
#include <harness/statistics.hpp>
#include <harness/timing_budget.hpp>
#include <suites/step_regressions.hpp>
#include <tuning/comparison_result.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace qlinear::benchmark {
namespace {

constexpr double kMicro = 1e6;

// Of an H200 by its datasheet.
constexpr MachineRates kRates{4.3e12, 4.8e12, 1979e12};

const LayerShape& layer(const std::string& name) {
  for (const LayerShape& shape : kLayerShapes) {
    if (shape.name == name) return shape;
  }
  throw std::invalid_argument(name);
}

double floor_us(const std::string& name, Work work, std::int64_t m) {
  return floor_seconds(kRates, work, m, layer(name).n, layer(name).k) * kMicro;
}

TEST(Floor, GemmIsBoundByBytesInDecode) {
  EXPECT_NEAR(floor_us("8b_qkv", Work::Gemm, 1), 5.25, 0.01);
  EXPECT_NEAR(floor_us("8b_o", Work::Gemm, 16), 3.54, 0.01);
  EXPECT_NEAR(floor_us("70b_gate_up", Work::Gemm, 64), 99.6, 0.1);
}

TEST(Floor, GemmIsBoundByOperationsInPrefill) {
  EXPECT_NEAR(floor_us("8b_down", Work::Gemm, 256), 15.2, 0.05);
  EXPECT_NEAR(floor_us("70b_o", Work::Gemm, 4096), 278, 0.5);
  EXPECT_NEAR(floor_us("70b_gate_up", Work::Gemm, 8192), 3889, 1);
}

TEST(Floor, QuantizeMovesThreeBytesAnElementAtCopyBandwidth) {
  EXPECT_NEAR(floor_us("8b_qkv", Work::Quantize, 4096), 11.7, 0.05);
  EXPECT_NEAR(floor_us("70b_down", Work::Quantize, 8192), 164, 0.5);
}

TEST(Floor, LinearIsTheSumOfItsParts) {
  EXPECT_DOUBLE_EQ(
      floor_us("8b_down", Work::Linear, 1024),
      floor_us("8b_down", Work::Gemm, 1024) + floor_us("8b_down", Work::Quantize, 1024));
}

TEST(Floor, UsesTheBetterBandwidthForTheGemm) {
  const MachineRates copies_best{4.9e12, 4.8e12, 1979e12};
  EXPECT_LT(floor_seconds(copies_best, Work::Gemm, 1, 4096, 4096),
            floor_seconds(kRates, Work::Gemm, 1, 4096, 4096));
}

TEST(Floor, DecoderLayerMovesWeightsAndWhatPassesBetweenThem) {
  const MachineRates bytes_alone{1e12, 1e12, 1e30};
  const double one = floor_seconds(bytes_alone, kDecoderShapes[0], 1) * 1e12;
  const double two = floor_seconds(bytes_alone, kDecoderShapes[0], 2) * 1e12;
  constexpr double kWeights = 218103808 + 4 * (6144 + 4096 + 28672 + 4096);
  // Of each token: quantized activations written and read, outputs, plain inputs, residuals, gates.
  constexpr double kToken = (2 + 2) * (4096 + 4096 + 4096 + 14336) +
                            2 * (6144 + 4096 + 28672 + 4096) + 4 * 2 * 4096 + 2 * 14336 + 8 * 4;
  EXPECT_NEAR(two - one, kToken, 1);
  EXPECT_NEAR(one, kWeights + kToken, 1);
}

TEST(Floor, DecoderLayerIsBoundByOperationsInPrefill) {
  const MachineRates operations_alone{1e30, 1e30, 1e12};
  EXPECT_NEAR(floor_seconds(operations_alone, kDecoderShapes[0], 4096),
              2 * 4096 * 218.103808e6 / 1e12, 1e-6);
}

TEST(Statistics, MedianAndQuartilesOfAnUnsortedSample) {
  const Summary summary = summarize({9, 1, 5, 3, 7});
  EXPECT_EQ(summary.median, 5);
  EXPECT_EQ(summary.lower_quartile, 3);
  EXPECT_EQ(summary.upper_quartile, 7);
  EXPECT_DOUBLE_EQ(summary.spread(), 0.8);
}

TEST(Statistics, InterpolatesBetweenSamples) {
  EXPECT_EQ(summarize({1, 2}).median, 1.5);
  EXPECT_EQ(summarize({4}).median, 4);
  EXPECT_EQ(summarize({4}).upper_quartile, 4);
}

TEST(TimingBudget, SettledTurnsMeasureSeveralReplaysBehindOthers) {
  const TimingBudget settled = TimingBudget{}.settled();
  const double turn_seconds = settled.seconds / settled.most_rounds;
  EXPECT_GT(settled.settle_seconds, turn_seconds);
  EXPECT_GE(turn_seconds / settled.graph_seconds, 3);
  EXPECT_GE(settled.max_replays * settled.graph_seconds, settled.seconds);
  EXPECT_GE(settled.min_replays, settled.most_rounds);
}

TEST(TimingBudget, SettledTurnsOfALongRowAreAsLong) {
  const TimingBudget row = TimingBudget::of(3, 5, 50);
  EXPECT_DOUBLE_EQ(row.graph_seconds, 0.06);
  const TimingBudget settled = row.settled();
  EXPECT_EQ(settled.seconds, row.seconds);
  EXPECT_EQ(settled.graph_seconds, row.graph_seconds);
}

TEST(StepRegressions, FindsGrowthAboveTenPercent) {
  const std::vector<StepRegression> regressions =
      find_step_regressions({{1, 1.00, 1.0}, {2, 1.09, 1.0}, {3, 1.30, 1.0}, {4, 0.9, 1.0}});
  ASSERT_EQ(regressions.size(), 1u);
  EXPECT_EQ(regressions[0].m_before, 2);
  EXPECT_EQ(regressions[0].m_after, 3);
}

TEST(StepRegressions, AllowsWhatTheFloorDoes) {
  EXPECT_TRUE(find_step_regressions({{1, 1.0, 1.0}, {2, 1.9, 2.0}}).empty());
  EXPECT_EQ(find_step_regressions({{1, 1.0, 1.0}, {2, 2.1, 2.0}}).size(), 1u);
  EXPECT_TRUE(find_step_regressions({}).empty());
}

ComparisonResult result(const char* problem, double choice_seconds, double best_seconds) {
  ComparisonResult result;
  result.problem = problem;
  result.choice_seconds = choice_seconds;
  result.best_seconds = best_seconds;
  return result;
}

TEST(ComparisonResults, AreFindingsAboveThreePercentLargestFirst) {
  const std::vector<ComparisonResult> found =
      findings({result("fine", 1.02, 1.0), result("small", 1.04, 1.0), result("large", 3.0, 2.0)});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].problem, "large");
  EXPECT_DOUBLE_EQ(found[0].loss(), 0.5);
  EXPECT_EQ(found[1].problem, "small");
}

Options parse(std::vector<std::string> arguments) { return parse_options(arguments); }

TEST(OptionsParser, DefaultsToTheWholeTable) {
  const Options options = parse({});
  EXPECT_EQ(options.layers.size(), kLayerShapes.size());
  EXPECT_EQ(options.token_counts.size(), kTokenCounts.size());
  EXPECT_TRUE(options.wants_peer("cublaslt_bf16"));
  EXPECT_EQ(options.token_counts_of(layer("70b_o")).size(), kTokenCounts.size());
  EXPECT_EQ(options.token_counts_of(layer(kSweepLayer)).size(), 256u + 5u);
}

TEST(OptionsParser, LeavesForeignFlagsAlone) {
  std::vector<std::string> arguments{"--benchmark_filter=x", "--tune", "--benchmark_out=y"};
  EXPECT_TRUE(parse_options(arguments).tune);
  EXPECT_EQ(arguments, (std::vector<std::string>{"--benchmark_filter=x", "--benchmark_out=y"}));
}

TEST(OptionsParser, TakesLayersByNameAndBySize) {
  const Options options = parse({"--shapes=70b_o,512x1024"});
  ASSERT_EQ(options.layers.size(), 2u);
  EXPECT_EQ(options.layers[0].n, 8192);
  EXPECT_EQ(options.layers[1].n, 512);
  EXPECT_EQ(options.layers[1].k, 1024);
}

TEST(OptionsParser, TakesDecodersByNameAndBySize) {
  const Options options = parse({"--decoder=70b,64x128"});
  ASSERT_EQ(options.decoders.size(), 2u);
  EXPECT_EQ(options.decoders[0].gate_up.n, 57344);
  const DecoderShape& sized = options.decoders[1];
  EXPECT_EQ(sized.name, "64x128");
  EXPECT_EQ(sized.hidden, 64);
  EXPECT_EQ(sized.qkv.n, 192);
  EXPECT_EQ(sized.o.k, 64);
  EXPECT_EQ(sized.gate_up.n, 256);
  EXPECT_EQ(sized.down.n, 64);
  EXPECT_EQ(sized.down.k, 128);
}

TEST(OptionsParser, TakesRangesOfTokens) {
  const Options options = parse({"--m=64,1-4,3,16"});
  EXPECT_EQ(options.token_counts, (std::vector<std::int64_t>{1, 2, 3, 4, 16, 64}));
  EXPECT_EQ(options.token_counts_of(layer(kSweepLayer)).size(), 6u);
}

TEST(OptionsParser, TakesKernelsByName) {
  EXPECT_TRUE(parse({}).wants_kernel("dp4a_128x128"));
  const Options options = parse({"--kernels=wgmma_128x256,wgmma_128x192"});
  EXPECT_TRUE(options.wants_kernel("wgmma_128x192"));
  EXPECT_FALSE(options.wants_kernel("dp4a_128x128"));
}

TEST(OptionsParser, TakesPeersByName) {
  const Options options = parse({"--peers=cutlass_int8_gemm"});
  EXPECT_TRUE(options.wants_peer("cutlass_int8_gemm"));
  EXPECT_FALSE(options.wants_peer("cublaslt_bf16"));
  EXPECT_FALSE(parse({"--peers=none"}).wants_peer("cublaslt_bf16"));
}

TEST(OptionsParser, TakesRates) {
  const Options options = parse({"--rates=4.3e12,4.8e12,1979e12"});
  ASSERT_TRUE(options.rates.has_value());
  EXPECT_EQ(options.rates->copy_bytes_per_second, 4.3e12);
  EXPECT_EQ(options.rates->read_bytes_per_second, 4.8e12);
  EXPECT_EQ(options.rates->int8_operations_per_second, 1979e12);
  EXPECT_FALSE(parse({}).rates.has_value());
  EXPECT_THROW(parse({"--rates=1,2"}), std::invalid_argument);
  EXPECT_THROW(parse({"--rates=1,2,0"}), std::invalid_argument);
}

TEST(OptionsParser, LaterFlagsOverrideQuick) {
  const Options options = parse({"--quick", "--m=7"});
  EXPECT_EQ(options.token_counts, (std::vector<std::int64_t>{7}));
  EXPECT_EQ(options.layers.size(), 3u);
}

TEST(OptionsParser, RefusesWhatItCannotRead) {
  EXPECT_THROW(parse({"--shapes=9b_o"}), std::invalid_argument);
  EXPECT_THROW(parse({"--shapes=100x64"}), std::invalid_argument);
  EXPECT_THROW(parse({"--decoder=9b"}), std::invalid_argument);
  EXPECT_THROW(parse({"--decoder=64x100"}), std::invalid_argument);
  EXPECT_THROW(parse({"--m=0"}), std::invalid_argument);
  EXPECT_THROW(parse({"--m=1-"}), std::invalid_argument);
  EXPECT_THROW(parse({"--row-ms=fast"}), std::invalid_argument);
}

}  // namespace
}  // namespace qlinear::benchmark
