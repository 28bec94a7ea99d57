// Every value of f16 and bf16, and as many of f32, through every activation function, in the
// epilogue, as a gate there, and as a gate that is quantized.

#include "support/device.hpp"
#include "support/guarded_matrix.hpp"
#include "support/kernel_grid.hpp"
#include "support/random.hpp"
#include "support/types.hpp"

#include <base/enumerators.hpp>
#include <qlinear/plan.hpp>
#include <qlinear/reference.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace qlinear::test {
namespace {

constexpr std::int64_t kPatterns = 65536;
constexpr std::int64_t kDepth = 16;

template <class T>
class EveryValue : public ::testing::Test {
 protected:
  using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;

  /// A value of every `step` that share all bits but the last 16 of f32 and the last of f16 and
  /// bf16, and those at the ends of what functions tell apart, with their neighbours.
  static HostMatrix<T> values(std::int64_t step, ActivationFunction function) {
    Random random(static_cast<std::uint64_t>(function) + 1);
    std::vector<T> values;
    const auto add = [&](std::uint64_t bits) {
      values.push_back(std::bit_cast<T>(static_cast<Bits>(bits)));
    };
    for (std::int64_t first = 0; first < kPatterns; first += step) {
      const auto pattern = static_cast<std::uint64_t>(first + random.between(0, step - 1));
      add(sizeof(T) == 2 ? pattern : pattern << 16 | (random.next() & 0xffff));
    }
    for (const double sign : {1.0, -1.0}) {
      values.push_back(from_double<T>(sign * 0.0));
      values.push_back(from_double<T>(sign * std::numeric_limits<double>::infinity()));
      for (int exponent = -150; exponent <= 127; ++exponent) {
        const auto bits = std::bit_cast<Bits>(from_double<T>(std::ldexp(sign, exponent)));
        for (const Bits near : {bits, static_cast<Bits>(bits - 1), static_cast<Bits>(bits + 1)}) {
          if (exponent == -23 || exponent == -24 || exponent % (step == 1 ? 1 : 5) == 0) add(near);
        }
      }
    }
    // Where y or z of a sigmoid is one of these, other code takes over.
    for (const double bound : {87.0, 88.0, 87 / 1.702, 88 / 1.702, 9.91, 9.95}) {
      for (const double sign : {1.0, -1.0}) {
        const auto bits = std::bit_cast<Bits>(from_double<T>(sign * bound));
        for (unsigned near = 0; near < 5; ++near) add(bits + near - 2);
      }
    }
    while (values.size() % 16 != 0) values.push_back(from_double<T>(1));
    HostMatrix<T> matrix(1, static_cast<std::int64_t>(values.size()));
    matrix.values() = std::move(values);
    return matrix;
  }

  template <class V>
  static void expect_equal(const HostMatrix<V>& device, const HostMatrix<V>& reference,
                           const HostMatrix<T>& inputs) {
    ASSERT_EQ(device.values().size(), reference.values().size());
    int shown = 0;
    for (std::size_t i = 0; i < device.values().size() && shown < 10; ++i) {
      const double a = to_double(device.values()[i]);
      const double b = to_double(reference.values()[i]);
      const bool equal = std::isnan(a) || std::isnan(b)
                             ? std::isnan(a) && std::isnan(b)
                             : a == b && std::signbit(a) == std::signbit(b);
      if (equal) continue;
      ++shown;
      ADD_FAILURE() << "of " << to_double(inputs.values()[i]) << ": " << a << ", not " << b;
    }
  }

  /// A layer whose products are zero, so that the function gets its biases.
  static void expect_epilogue(ActivationFunction function, bool gated) {
    const HostMatrix<T> inputs = values(kWholeGrids ? 1 : 8, function);
    const std::int64_t n = inputs.cols();
    const std::int64_t rows = gated ? 2 * n : n;
    QuantizedLinearDescriptor descriptor;
    descriptor.m = 1;
    descriptor.c_out = rows;
    descriptor.k = kDepth;
    descriptor.epilogue.activation = function;
    descriptor.epilogue.gated = gated;

    HostMatrix<T> activation(1, kDepth);
    HostMatrix<S8> weight(rows, kDepth);
    HostMatrix<scale_t<T>> weight_scale(1, rows);
    HostMatrix<T> bias(1, rows);
    for (std::int64_t i = 0; i < rows; ++i) {
      weight_scale.at(0, i) = 1;
      bias.at(0, i) = i < n ? inputs.at(0, i) : from_double<T>(1);
    }
    HostMatrix<T> expected(1, n);
    HostMatrix<S8> q(1, kDepth);
    HostMatrix<scale_t<T>> scale(1, 1);
    const Status status = reference::quantized_linear(
        descriptor,
        QuantizedLinearArgs<T, S8>{activation.matrix(), weight.matrix(), weight_scale.vector(),
                                   expected.matrix(), q.matrix(), scale.vector(), bias.vector()});
    ASSERT_TRUE(status.ok()) << status.message();

    const Stream stream;
    const auto plan = QuantizedLinearPlan<T, S8>::select(stream, descriptor);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    const GuardedMatrix<T> d_activation(activation, {}, kNanPoison);
    const GuardedMatrix<S8> d_weight(weight, {}, kNanPoison);
    const GuardedMatrix<scale_t<T>> d_weight_scale(weight_scale, {}, kNanPoison);
    const GuardedMatrix<T> d_bias(bias, {}, kNanPoison);
    const GuardedMatrix<T> output(1, n, {}, kNanPoison);
    const GuardedMatrix<S8> d_q(1, kDepth, {}, kNanPoison);
    const GuardedMatrix<scale_t<T>> d_scale(1, 1, {}, kNanPoison);
    const DeviceBuffer workspace(plan.value().workspace_size());
    const Status ran = plan.value().run(
        stream, {workspace.data(), workspace.bytes()},
        {matrix(d_activation.data(), 1, kDepth), matrix(d_weight.data(), rows, kDepth),
         vector(d_weight_scale.data(), rows), matrix(output.data(), 1, n),
         matrix(d_q.data(), 1, kDepth), vector(d_scale.data(), 1), vector(d_bias.data(), rows)});
    ASSERT_TRUE(ran.ok()) << ran.message();
    stream.synchronize();
    expect_equal(output.download(), expected, inputs);
  }

  /// Rows of one gate each, sixteen times: the scale is its magnitude over 127, q its sign.
  static void expect_source(ActivationFunction function) {
    const HostMatrix<T> inputs = values(kWholeGrids ? 1 : 32, function);
    const std::int64_t m = inputs.cols();
    DynamicRangeQuantizeDescriptor descriptor;
    descriptor.m = m;
    descriptor.k = kDepth;
    descriptor.source.kind = SourceKind::Gated;
    descriptor.source.function = function;
    HostMatrix<T> activation(m, 2 * kDepth);
    for (std::int64_t row = 0; row < m; ++row) {
      for (std::int64_t k = 0; k < kDepth; ++k) {
        activation.at(row, k) = inputs.at(0, row);
        activation.at(row, kDepth + k) = from_double<T>(1);
      }
    }
    HostMatrix<S8> q(m, kDepth);
    HostMatrix<scale_t<T>> scale(1, m);
    const Status status = reference::dynamic_range_quantize(
        descriptor,
        DynamicRangeQuantizeArgs<T, S8>{activation.matrix(), q.matrix(), scale.vector()});
    ASSERT_TRUE(status.ok()) << status.message();

    const Stream stream;
    const auto plan = DynamicRangeQuantizePlan<T, S8>::select(stream, descriptor);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    const GuardedMatrix<T> d_activation(activation, {}, kNanPoison);
    const GuardedMatrix<S8> d_q(m, kDepth, {}, kNanPoison);
    const GuardedMatrix<scale_t<T>> d_scale(1, m, {}, kNanPoison);
    const Status ran = plan.value().run(stream, {},
                                        {matrix(d_activation.data(), m, 2 * kDepth),
                                         matrix(d_q.data(), m, kDepth), vector(d_scale.data(), m)});
    ASSERT_TRUE(ran.ok()) << ran.message();
    stream.synchronize();
    expect_equal(d_scale.download(), scale, inputs);
    EXPECT_EQ(d_q.download().values(), q.values());
  }
};

using Types = ::testing::Types<__half, __nv_bfloat16, float>;
TYPED_TEST_SUITE(EveryValue, Types);

constexpr auto kLast = detail::last_enumerator<ActivationFunction>();

TYPED_TEST(EveryValue, OfTheEpilogueHasTheBitsOfTheReference) {
  for (int i = 0; i <= static_cast<int>(kLast); ++i) {
    const auto function = static_cast<ActivationFunction>(i);
    SCOPED_TRACE(to_string(function));
    this->expect_epilogue(function, false);
    if (function != ActivationFunction::None) this->expect_epilogue(function, true);
  }
}

TYPED_TEST(EveryValue, OfAGatedSourceHasTheBitsOfTheReference) {
  for (int i = 1; i <= static_cast<int>(kLast); ++i) {
    const auto function = static_cast<ActivationFunction>(i);
    SCOPED_TRACE(to_string(function));
    this->expect_source(function);
  }
}

}  // namespace
}  // namespace qlinear::test
