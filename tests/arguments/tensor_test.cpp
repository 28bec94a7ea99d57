// Tensors as callers make them, with types and without.

#include <qlinear/tensor_view.hpp>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace qlinear::test {
namespace {

using Shape = std::vector<std::int64_t>;

template <class Tensor>
Shape shape_of(const Tensor& tensor) {
  return {tensor.shape.begin(), tensor.shape.end()};
}

template <class Tensor>
Shape stride_of(const Tensor& tensor) {
  return {tensor.stride.begin(), tensor.stride.end()};
}

TEST(Tensors, HelpersMakeContiguousOnes) {
  float data[6] = {};
  const auto matrix = qlinear::matrix(data, 2, 3);
  EXPECT_EQ(matrix.data, data);
  EXPECT_EQ(shape_of(matrix), (Shape{2, 3}));
  EXPECT_EQ(stride_of(matrix), (Shape{3, 1}));
  const auto vector = qlinear::vector(data, 6);
  EXPECT_EQ(vector.data, data);
  EXPECT_EQ(shape_of(vector), (Shape{6}));
  EXPECT_EQ(stride_of(vector), (Shape{1}));
}

TEST(Tensors, HelpersKeepConst) {
  using std::declval;
  static_assert(std::is_same_v<decltype(matrix(declval<const S8*>(), 1, 1)), TensorRef<S8, 2>>);
  static_assert(std::is_same_v<decltype(matrix(declval<S8*>(), 1, 1)), TensorMut<S8, 2>>);
  static_assert(std::is_same_v<decltype(vector(declval<const S8*>(), 1)), TensorRef<S8, 1>>);
  static_assert(std::is_same_v<decltype(vector(declval<S8*>(), 1)), TensorMut<S8, 1>>);
  static_assert(!std::is_convertible_v<TensorRef<S8, 2>, TensorMut<S8, 2>>);
}

TEST(Tensors, WhatMayBeWrittenMayBeRead) {
  float data[8] = {};
  const TensorMut<float, 2> written{data, {2, 3}, {4, 1}};
  const TensorRef<float, 2> read = written;
  EXPECT_EQ(read.data, data);
  EXPECT_EQ(shape_of(read), (Shape{2, 3}));
  EXPECT_EQ(stride_of(read), (Shape{4, 1}));
}

void expect_view(const TensorView& view, const void* data, ElementKind element, const Shape& shape,
                 const Shape& stride) {
  EXPECT_EQ(view.data, data);
  EXPECT_EQ(view.element, element);
  ASSERT_EQ(static_cast<std::size_t>(view.rank), shape.size());
  EXPECT_EQ(Shape(view.shape.begin(), view.shape.begin() + view.rank), shape);
  EXPECT_EQ(Shape(view.stride.begin(), view.stride.begin() + view.rank), stride);
}

TEST(TensorViews, AreTensorsWithoutTheirTypes) {
  const double read[8] = {};
  S8 written[3] = {};
  expect_view(tensor_view(TensorRef<double, 2>{read, {2, 3}, {4, 1}}), read, ElementKind::F64,
              {2, 3}, {4, 1});
  expect_view(tensor_view(vector(written, 3)), written, ElementKind::S8, {3}, {1});
}

TEST(TensorViews, HaveOneLayoutInEveryProgram) {
  static_assert(std::is_trivially_copyable_v<TensorView>);
  static_assert(std::is_standard_layout_v<TensorView>);
  static_assert(sizeof(TensorView) == 80);
}

TEST(TensorViews, NumberTypesAsDLPackDoes) {
  struct {
    ElementKind kind;
    int code;
    int bits;
  } const numbers[] = {{ElementKind::F16, 2, 16}, {ElementKind::BF16, 4, 16},
                       {ElementKind::F32, 2, 32}, {ElementKind::F64, 2, 64},
                       {ElementKind::S8, 0, 8},   {ElementKind::U8, 1, 8},
                       {ElementKind::S32, 0, 32}, {static_cast<ElementKind>(200), 0, 0}};
  for (const auto& [kind, code, bits] : numbers) {
    EXPECT_EQ(int{dlpack_type(kind).code}, code) << to_string(kind);
    EXPECT_EQ(int{dlpack_type(kind).bits}, bits) << to_string(kind);
  }
}

template <class T>
void expect_size() {
  EXPECT_EQ(element_bytes(element_kind_v<T>), sizeof(T)) << to_string(element_kind_v<T>);
  EXPECT_EQ(element_bytes(element_kind_v<T>), alignof(T)) << to_string(element_kind_v<T>);
}

TEST(TensorViews, KnowTheSizeAndAlignmentOfElements) {
  expect_size<__half>();
  expect_size<__nv_bfloat16>();
  expect_size<float>();
  expect_size<double>();
  expect_size<S8>();
  expect_size<U8>();
  expect_size<std::int32_t>();
}

}  // namespace
}  // namespace qlinear::test
