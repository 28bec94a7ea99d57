// The sums of rows on the device are those of the reference.

#include "support/capture.hpp"
#include "support/device.hpp"
#include "support/fill.hpp"
#include "support/guarded_matrix.hpp"

#include <qlinear/reference.hpp>
#include <qlinear/sums.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <limits>

namespace qlinear::test {
namespace {

using Sums = HostMatrix<std::int32_t>;

template <class TWQ>
Sums reference_sums(const HostMatrix<TWQ>& weight) {
  Sums sums(1, weight.rows());
  const Status status = reference::weight_sums(weight.matrix(), sums.vector());
  EXPECT_TRUE(status.ok()) << status.message();
  return sums;
}

template <class TWQ>
void expect_exact(const HostMatrix<TWQ>& weight, Placement placement) {
  SCOPED_TRACE(::testing::Message() << weight.rows() << "x" << weight.cols() << ", padding "
                                    << placement.padding << ", offset " << placement.offset);
  const Stream stream;
  const GuardedMatrix<TWQ> matrix(weight, placement, kNanPoison);
  const GuardedMatrix<std::int32_t> sums(1, weight.rows(), {.tight = placement.tight},
                                         kFinitePoison);
  const Status status = weight_sums(stream, matrix.ref(), sums.vector_mut());
  EXPECT_TRUE(status.ok()) << status.message();
  stream.synchronize();
  EXPECT_TRUE(same_matrix("sums", reference_sums(weight), sums.download()));
  EXPECT_TRUE(sums.guards_intact("sums"));
  EXPECT_TRUE(matrix.untouched("weight"));
}

template <class TWQ>
class RowSums : public ::testing::Test {};
using WeightTypes = ::testing::Types<S8, U8>;
TYPED_TEST_SUITE(RowSums, WeightTypes);

TYPED_TEST(RowSums, HaveTheBitsOfTheReference) {
  std::uint64_t seed = 1;
  for (const std::int64_t columns : {1, 3, 15, 16, 17, 31, 100, 511, 512, 513, 1300}) {
    for (const std::int64_t offset : {0, 1, 2, 7, 16}) {
      for (const bool tight : {false, true}) {
        const Placement placement{.padding = offset % 5, .offset = offset, .tight = tight};
        const std::int64_t rows = 1 + static_cast<std::int64_t>(seed % 19);
        expect_exact(make_weight<TypeParam>(rows, columns, Fill::Gaussian, ++seed), placement);
      }
    }
  }
}

// More rows than the warps of the largest grid.
TYPED_TEST(RowSums, OfManyRowsAreExact) {
  expect_exact(make_weight<TypeParam>((1 << 15) + 5, 3, Fill::Gaussian, 2), {});
}

TYPED_TEST(RowSums, OfRowsWithoutElementsAreZero) { expect_exact(HostMatrix<TypeParam>(9, 0), {}); }

// Elements of the largest magnitude, so many that their sum leaves int32.
TYPED_TEST(RowSums, Wrap) {
  const auto weight = make_weight<TypeParam>(1, (1 << 24) + 33, Fill::Lowest, 1);
  const bool is_signed = std::numeric_limits<TypeParam>::is_signed;
  EXPECT_EQ(reference_sums(weight).at(0, 0) > 0, is_signed);
  expect_exact(weight, {.offset = 1});
}

TYPED_TEST(RowSums, WithoutRowsLaunchNothing) {
  const Stream stream;
  Status status;
  const CapturedGraph graph(stream, [&] {
    status = weight_sums(stream, TensorRef<TypeParam, 2>{nullptr, {0, 64}, {64, 1}},
                         TensorMut<std::int32_t, 1>{});
  });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(graph.nodes(), 0U);
}

TYPED_TEST(RowSums, MayBeCaptured) {
  const Stream stream;
  const auto weight = make_weight<TypeParam>(70, 96, Fill::Gaussian, 3);
  const GuardedMatrix<TypeParam> matrix(weight, {}, kNanPoison);
  const GuardedMatrix<std::int32_t> sums(1, 70, {}, kFinitePoison);
  Status status;
  const CapturedGraph graph(stream,
                            [&] { status = weight_sums(stream, matrix.ref(), sums.vector_mut()); });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(graph.nodes(), 1U);
  EXPECT_TRUE(sums.untouched("sums"));
  graph.launch(stream);
  stream.synchronize();
  EXPECT_TRUE(same_matrix("sums", reference_sums(weight), sums.download()));
}

TEST(ActivationSums, AreThoseOfTheReference) {
  const Stream stream;
  const auto quantized = make_weight<S8>(5, 77, Fill::Gaussian, 4);
  const GuardedMatrix<S8> matrix(quantized, {.padding = 3}, kNanPoison);
  const GuardedMatrix<std::int32_t> sums(1, 5, {}, kFinitePoison);
  ASSERT_TRUE(activation_sums(stream, matrix.ref(), sums.vector_mut()).ok());
  stream.synchronize();
  Sums expected(1, 5);
  ASSERT_TRUE(reference::activation_sums(quantized.matrix(), expected.vector()).ok());
  EXPECT_TRUE(same_matrix("sums", expected, sums.download()));
}

TEST(RowSumsOfBadTensors, AreRefusedAsByTheReference) {
  const Stream stream;
  const GuardedMatrix<S8> matrix(HostMatrix<S8>(3, 8), {}, kNanPoison);
  const GuardedMatrix<std::int32_t> sums(1, 3, {}, kFinitePoison);
  const auto overlapping = vector(reinterpret_cast<std::int32_t*>(matrix.data()), 3);
  const auto few = vector(sums.data(), 2);
  auto columns_apart = matrix.ref();
  columns_apart.stride[1] = 2;
  const auto expect_refused = [&](const TensorRef<S8, 2>& weight,
                                  const TensorMut<std::int32_t, 1>& out) {
    const Status status = weight_sums(stream, weight, out);
    EXPECT_EQ(status.code(), StatusCode::InvalidProblem);
    EXPECT_EQ(status.message(), reference::weight_sums(weight, out).message());
    const Status of_activation = activation_sums(stream, weight, out);
    EXPECT_EQ(of_activation.message(), reference::activation_sums(weight, out).message());
  };
  expect_refused(matrix.ref(), few);
  expect_refused(matrix.ref(), overlapping);
  expect_refused(matrix.ref(), {});
  expect_refused(columns_apart, sums.vector_mut());
  expect_refused({}, sums.vector_mut());
  stream.synchronize();
  EXPECT_TRUE(sums.untouched("sums"));
}

}  // namespace
}  // namespace qlinear::test
