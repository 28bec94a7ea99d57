// Layers with sources, scales, zero points and epilogues on the CPU reference: what a fused chain
// may not change, what a row may not depend on, and the same in arithmetic of another kind.

#include "oracle/exact_layer.hpp"
#include "oracle/host_linear.hpp"
#include "support/linear_run.hpp"

#include <qlinear/reference.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
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

// --- Against exact arithmetic -----------------------------------------------------------------

using oracle::Precision;

template <class T>
std::vector<double> doubles(const HostMatrix<T>& matrix, std::int64_t row = 0) {
  std::vector<double> values;
  for (std::int64_t c = 0; c < matrix.cols(); ++c) values.push_back(to_double(matrix.at(row, c)));
  return values;
}
template <class T>
std::vector<double> doubles(const MixedMatrix<HostMatrix, T>& matrix, std::int64_t row = 0) {
  const auto& wide = matrix.wide;
  return matrix.is_compute_type && wide.rows() > 0 ? doubles(wide, row)
         : matrix.narrow.rows() > 0                ? doubles(matrix.narrow, row)
                                                   : std::vector<double>();
}

/// The element that belongs to `row` of a vector of one element or of one a row.
template <class T>
double element_of_row(const HostMatrix<T>& vector, std::int64_t row) {
  return to_double(vector.at(0, vector.cols() == 1 ? 0 : row));
}

bool is_exact_function(ActivationFunction function) {
  return function <= ActivationFunction::SquaredRelu;
}

/// `value` rounded to the element type.
double stored(double value, const Precision& precision) {
  return std::isfinite(value) ? oracle::rounded(oracle::exact(value), precision.element) : value;
}

/// relu or its square, rounded to the element type.
double exact_function(ActivationFunction function, double y, const Precision& precision) {
  if (function == ActivationFunction::None) return y;
  const double r = y > 0 ? y : 0;
  if (function == ActivationFunction::Relu) return r;
  return stored(oracle::rounded_product(r, r, precision.compute), precision);
}

double exact_gate(ActivationFunction function, double gate, double up, const Precision& precision) {
  const double f = exact_function(function, gate, precision);
  return stored(oracle::rounded_product(f, up, precision.compute), precision);
}

template <class TIn, class TWQ>
oracle::ExactSource exact_source(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands,
                                 const std::vector<double>& r, std::int64_t m) {
  const Precision& precision = oracle::kPrecision<TIn>;
  const SourceDescriptor& source = c.options.source;
  const std::vector<double> x = doubles(operands.activation, m);
  const auto eps = to_double(static_cast<scale_t<TIn>>(source.eps));
  oracle::ExactSource exact{x};
  switch (source.kind) {
    case SourceKind::Plain:
      break;
    case SourceKind::ColumnFactor:
      for (std::size_t k = 0; k < x.size(); ++k) {
        exact.h[k] = oracle::rounded_product(
            x[k], operands.column_factor.at(0, static_cast<std::int64_t>(k)), precision.compute);
      }
      break;
    case SourceKind::RmsNorm:
      return oracle::exact_rms_norm(r, doubles(operands.norm_weight), source.unit_offset, eps,
                                    precision.compute);
    case SourceKind::LayerNorm:
      return oracle::exact_layer_norm(r, doubles(operands.norm_weight), doubles(operands.norm_bias),
                                      eps, precision.compute);
    case SourceKind::Gated:
      exact.h.resize(x.size() / 2);
      for (std::size_t k = 0; k < exact.h.size(); ++k) {
        exact.h[k] = exact_gate(source.function, x[k], x[exact.h.size() + k], precision);
      }
  }
  return exact;
}

template <class TIn, class TWQ>
oracle::ExactRow exact_row(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands,
                           const oracle::ExactSource& source, std::int64_t m) {
  const Precision& precision = oracle::kPrecision<TIn>;
  const ScaleKind kind = c.options.scale.kind;
  const bool asymmetric = has_zero_points(c.options.scale);
  if (kind == ScaleKind::Static) {
    const int zero_point = c.options.scale.zero_points
                               ? static_cast<int>(element_of_row(operands.static_zero_point, m))
                               : 0;
    return oracle::exact_static(source, element_of_row(operands.static_scale, m), zero_point,
                                c.q_min, c.q_max, precision.compute);
  }
  double low = 0;
  double high = 0;
  for (const double h : source.h) low = std::min(low, h), high = std::max(high, h);
  if (kind == ScaleKind::GivenRange) {
    low = 0;
    high = std::abs(element_of_row(operands.range_max, m));
  } else if (kind == ScaleKind::GivenRangeAsymmetric) {
    low = std::min(0.0, element_of_row(operands.range_min, m));
    high = std::max(0.0, element_of_row(operands.range_max, m));
  }
  return oracle::exact_dynamic(source, low, high, asymmetric, c.q_min, c.q_max, precision);
}

/// Random cases whose values overflow nowhere and whose functions are exact.
LinearCase tame(LinearCase c) {
  constexpr std::array kTame = {Fill::Gaussian, Fill::Lowest,   Fill::ZeroRows, Fill::Subnormal,
                                Fill::TinyRows, Fill::Outliers, Fill::Ties};
  c.fill = kTame[c.seed % kTame.size()];
  if (!is_exact_function(c.options.source.function)) {
    c.options.source.function = ActivationFunction::Relu;
  }
  if (!is_exact_function(c.options.epilogue.activation)) {
    c.options.epilogue.activation = ActivationFunction::SquaredRelu;
  }
  // A square of an outlier has no place in f16, nor has 127 cubed.
  if (c.fill == Fill::Outliers || c.fill == Fill::Ties)
    c.options.source.function = std::min(c.options.source.function, ActivationFunction::Relu);
  return c;
}

template <class T>
void expect_row(const char* what, const HostMatrix<T>& matrix, std::int64_t row,
                const std::vector<double>& expected) {
  oracle::expect_same(what, doubles(matrix, row), expected);
}

TEST_P(LayerOptionsTest, QuantizePassEqualsExactArithmetic) {
  for_random_cases(60, []<class TIn, class TWQ>(const LinearCase& random) {
    const LinearCase c = tame(random);
    if (c.options.scale.kind == ScaleKind::Given) return;
    const Precision& precision = oracle::kPrecision<TIn>;
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto result = reference_result(c, operands);
    for (std::int64_t m = 0; m < c.m; ++m) {
      std::vector<double> r = doubles(operands.activation, m);
      if (c.options.source.residual) {
        const bool wide = c.options.source.residual_in_compute_type;
        const std::vector<double> residual = doubles(operands.source_residual, m);
        for (std::size_t k = 0; k < r.size(); ++k) {
          r[k] = oracle::rounded_sum(r[k], residual[k], precision.compute);
          if (!wide) r[k] = oracle::rounded(oracle::exact(r[k]), precision.element);
        }
        oracle::expect_same("residual_out", doubles(result.residual_out, m), r);
      }
      const oracle::ExactSource source = exact_source(c, operands, r, m);
      const oracle::ExactRow row = exact_row(c, operands, source, m);
      expect_row("act_q", result.act_q, m, {row.quantized.begin(), row.quantized.end()});
      EXPECT_TRUE(oracle::same(result.act_scale.at(0, m), row.scale)) << m;
      if (has_zero_points(c.options.scale)) {
        EXPECT_EQ(int{result.act_zero_point.at(0, m)}, row.zero_point);
      }
      if (c.options.weight_zero_points) {
        EXPECT_EQ(result.act_sum.at(0, m),
                  std::accumulate(row.quantized.begin(), row.quantized.end(), 0));
      }
      if (c.options.normed_out) {
        std::vector<double> norm = source.h;
        for (double& h : norm) {
          h = oracle::rounded_product(h, source.rho, precision.compute);
          h = oracle::rounded(oracle::exact(h), precision.element);
        }
        expect_row("normed_out", result.normed_out, m, norm);
      }
    }
  });
}

/// `T(y)` from the quantized activation and sums of plain 64-bit integers.
template <class TIn, class TWQ>
double exact_output(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands,
                    const LinearResult<TIn>& result, std::int64_t m, std::int64_t n) {
  const bool given = c.options.scale.kind == ScaleKind::Given;
  const auto& q = given ? operands.given_q : result.act_q;
  const auto& scale = given ? operands.given_scale : result.act_scale;
  const auto& zero_point = given ? operands.given_zero_point : result.act_zero_point;
  const std::int64_t za =
      zero_point.cols() == 0 ? 0 : static_cast<std::int64_t>(element_of_row(zero_point, m));
  const std::int64_t zw = c.options.weight_zero_points ? operands.weight_zero_point.at(0, n) : 0;
  std::int64_t acc = 0;
  for (std::int64_t k = 0; k < c.k; ++k) {
    acc += (q.at(m, k) - za) * (std::int64_t{operands.weight.at(n, k)} - zw);
  }
  const double bias = c.bias ? to_double(operands.bias.at(0, n)) : 0;
  return oracle::exact_dequantize(element_of_row(scale, m), operands.weight_scale.at(0, n), acc,
                                  c.bias ? &bias : nullptr, oracle::kPrecision<TIn>);
}

TEST_P(LayerOptionsTest, ProductAndEpilogueEqualExactArithmetic) {
  for_random_cases(200, []<class TIn, class TWQ>(const LinearCase& random) {
    const LinearCase c = tame(random);
    const EpilogueDescriptor& epilogue = c.options.epilogue;
    const Precision& precision = oracle::kPrecision<TIn>;
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto result = reference_result(c, operands);
    for (std::int64_t m = 0; m < c.m; ++m) {
      for (std::int64_t n = 0; n < result.output.cols(); ++n) {
        double y = exact_output(c, operands, result, m, n);
        if (!std::isfinite(y)) continue;
        if (epilogue.gated) {
          const double up = exact_output(c, operands, result, m, result.output.cols() + n);
          if (!std::isfinite(up)) continue;
          y = exact_gate(epilogue.activation, y, up, precision);
        } else {
          y = exact_function(epilogue.activation, y, precision);
        }
        if (!std::isfinite(y)) continue;
        if (epilogue.routing_weight) {
          y = oracle::rounded_product(y, operands.routing_weight.at(0, m), precision.compute);
          y = stored(y, precision);
        }
        if (epilogue.residual && std::isfinite(y)) {
          y = oracle::rounded_sum(y, to_double(operands.output_residual.at(m, n)),
                                  precision.compute);
          y = stored(y, precision);
        }
        EXPECT_TRUE(oracle::same(to_double(result.output.at(m, n)), y)) << m << ", " << n;
      }
    }
  });
}

// --- The same steps through memory --------------------------------------------------------------

// A gated layer and the next one, against a plain layer whose output a gated source reads.
TEST_P(LayerOptionsTest, GatedEpilogueIsAGatedSourceOfTheNextLayer) {
  for_random_cases(100, []<class TIn, class TWQ>(const LinearCase& random) {
    const bool is_double = element_kind_v<TIn> == ElementKind::F64;
    LinearCase gated = random;
    gated.n += gated.n % 2;
    gated.options.epilogue = {static_cast<ActivationFunction>(1 + gated.seed % (is_double ? 2 : 6)),
                              true, false, false};
    gated.options.output_in_place = false;
    LinearCase plain = gated;
    plain.options.epilogue = {};
    LinearCase next{.m = random.m, .n = 3, .k = gated.n / 2, .seed = random.seed};
    LinearCase next_gated = next;
    next_gated.options.source = {SourceKind::Gated, gated.options.epilogue.activation};

    const auto operands = make_operands<TIn, TWQ>(gated);
    auto of_next = make_operands<TIn, TWQ>(next);
    of_next.activation = reference_result(gated, operands).output;
    const auto one = reference_result(next, of_next);
    of_next.activation = reference_result(plain, operands).output;
    EXPECT_TRUE(same_result(one, reference_result(next_gated, of_next)));
  });
}

/// What `epilogue` alone makes of `values` of one row: the bias of a layer without inputs.
template <class TIn>
HostMatrix<TIn> epilogue_of_row(const EpilogueDescriptor& epilogue, const HostMatrix<TIn>& values,
                                const HostMatrix<scale_t<TIn>>& routing_weight,
                                const HostMatrix<TIn>& residual) {
  LinearCase c{.m = 1, .n = values.cols(), .k = 0, .bias = true};
  c.options.epilogue = epilogue;
  auto operands = make_operands<TIn, S8>(c);
  operands.bias = values;
  // The product of a negative scale and no sum is -0, which changes no bias.
  for (auto& scale : operands.weight_scale.values()) scale = -1;
  if (epilogue.routing_weight) operands.routing_weight = routing_weight;
  if (epilogue.residual) operands.output_residual = residual;
  return reference_result(c, operands).output;
}

TEST_P(LayerOptionsTest, EpilogueIsItsStepsOneByOne) {
  for_random_cases(150, []<class TIn, class TWQ>(const LinearCase& c) {
    const EpilogueDescriptor& epilogue = c.options.epilogue;
    if (epilogue.gated) return;
    LinearCase plain = c;
    plain.options.epilogue = {};
    plain.options.output_in_place = false;
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto fused = reference_result(c, operands).output;
    auto of_plain = operands;
    of_plain.routing_weight = {};
    of_plain.output_residual = {};
    const auto through_memory = reference_result(plain, of_plain).output;
    for (std::int64_t m = 0; m < c.m; ++m) {
      const auto row = [&](const auto& matrix) { return select_rows(matrix, {m}); };
      const auto rw = epilogue.routing_weight ? select_columns(operands.routing_weight, {m})
                                              : HostMatrix<scale_t<TIn>>();
      const auto residual = epilogue.residual ? row(operands.output_residual) : HostMatrix<TIn>();
      auto values = row(through_memory);
      values =
          epilogue_of_row<TIn>({epilogue.activation, false, false, false}, values, rw, residual);
      values = epilogue_of_row<TIn>(
          {ActivationFunction::None, false, epilogue.routing_weight, false}, values, rw, residual);
      values = epilogue_of_row<TIn>({ActivationFunction::None, false, false, epilogue.residual},
                                    values, rw, residual);
      EXPECT_TRUE(same_matrix("output", values, row(fused))) << m;
    }
  });
}

// A norm with a residual, against the sum through memory and the norm of that.
TEST_P(LayerOptionsTest, ResidualIsAddedBeforeTheNorm) {
  for_random_cases(200, []<class TIn, class TWQ>(const LinearCase& c) {
    const SourceDescriptor& source = c.options.source;
    if (!source.residual || source.residual_in_compute_type) return;
    const auto operands = make_operands<TIn, TWQ>(c);
    const auto fused = reference_result(c, operands);
    LinearCase alone = c;
    alone.options.source.residual = false;
    alone.options.residual_in_place = false;
    auto of_sum = operands;
    of_sum.activation = fused.residual_out.narrow;
    of_sum.source_residual = {};
    auto result = reference_result(alone, of_sum);
    result.residual_out = fused.residual_out;
    EXPECT_TRUE(same_result(fused, result));
  });
}

// --- Worked out by hand -------------------------------------------------------------------------

LinearResult<float> norm_of(const std::vector<float>& row, SourceKind kind, double eps = 1e-5) {
  LinearCase c{.m = 1, .n = 1, .k = static_cast<std::int64_t>(row.size())};
  c.options.source = {.kind = kind, .eps = eps};
  c.options.normed_out = true;
  auto operands = make_operands<float, S8>(c);
  operands.activation.values() = row;
  return reference_result(c, operands);
}

TEST(Norms, RowsThatAreNotFiniteOrOverflowAreNanThroughout) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const SourceKind kind : {SourceKind::RmsNorm, SourceKind::LayerNorm}) {
    for (const float bad : {std::nanf(""), infinity, -infinity, 3e19F, -3e38F}) {
      const auto result = norm_of({1, bad, 2, -1}, kind);
      EXPECT_TRUE(std::isnan(result.act_scale.at(0, 0))) << bad;
      EXPECT_TRUE(std::isnan(result.output.at(0, 0))) << bad;
      for (int k = 0; k < 4; ++k) {
        EXPECT_EQ(result.act_q.at(0, k), 0) << bad;
        EXPECT_TRUE(std::isnan(result.normed_out.at(0, k))) << bad;
      }
    }
  }
}

TEST(Norms, RowsWithoutAnySizeHaveScaleOne) {
  EXPECT_EQ(norm_of({0, -0.0F, 0}, SourceKind::RmsNorm).act_scale.at(0, 0), 1);
  EXPECT_EQ(norm_of({}, SourceKind::RmsNorm).act_scale.at(0, 0), 1);
  EXPECT_EQ(norm_of({}, SourceKind::LayerNorm).act_scale.at(0, 0), 1);
  // A constant row deviates from its mean by nothing.
  const auto constant = norm_of(std::vector<float>(64, 3), SourceKind::LayerNorm);
  EXPECT_EQ(constant.act_scale.at(0, 0), 1);
  EXPECT_EQ(constant.normed_out.values(), std::vector<float>(64, 0));
}

// Neighbours are added up in chunks of 16: one large element swallows those of its own chunk, and
// those of all other chunks meet each other first.
TEST(Norms, ALargeElementSwallowsItsOwnChunkOnly) {
  std::vector<float> row(512, 0x1p-1F);
  row[0] = 0x1p12F;
  // Chunk 0: 2^24 swallows each of 15 quarters. The other 31 chunks: 4 each, exact.
  const float sum = 0x1p24F + 31 * 4;
  const float rstd = 1 / std::sqrt(sum / 512 + 1e-5F);
  EXPECT_EQ(norm_of(row, SourceKind::RmsNorm).act_scale.at(0, 0), 0x1p12F * rstd / 127);
  EXPECT_NE(norm_of(row, SourceKind::RmsNorm).act_scale.at(0, 0),
            0x1p12F * (1 / std::sqrt(0x1p24F / 512 + 1e-5F)) / 127);
}

INSTANTIATE_TEST_SUITE_P(, LayerOptionsTest, ::testing::ValuesIn(kTypePairs),
                         [](const auto& types) { return to_string(types.param); });

}  // namespace
}  // namespace qlinear::test
