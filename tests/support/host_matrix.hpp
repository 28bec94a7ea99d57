#pragma once

#include "element.hpp"

#include <qlinear/tensor.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace qlinear::test {

/// A row-major matrix without padding; a vector is a matrix of one row.
template <class T>
class HostMatrix {
 public:
  HostMatrix() = default;
  HostMatrix(std::int64_t rows, std::int64_t cols)
      : rows_(rows), cols_(cols), values_(static_cast<std::size_t>(rows * cols)) {}

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  T* row(std::int64_t r) { return values_.data() + r * cols_; }
  const T* row(std::int64_t r) const { return values_.data() + r * cols_; }
  T& at(std::int64_t r, std::int64_t c) { return row(r)[c]; }
  const T& at(std::int64_t r, std::int64_t c) const { return row(r)[c]; }
  std::vector<T>& values() { return values_; }
  const std::vector<T>& values() const { return values_; }

  TensorRef<T, 2> matrix() const { return {values_.data(), {rows_, cols_}, {cols_, 1}}; }
  TensorMut<T, 2> matrix() { return {values_.data(), {rows_, cols_}, {cols_, 1}}; }
  TensorRef<T, 1> vector() const { return {values_.data(), {cols_}, {1}}; }
  TensorMut<T, 1> vector() { return {values_.data(), {cols_}, {1}}; }

 private:
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  std::vector<T> values_;
};

/// The rows of `matrix` that `indices` lists, in that order.
template <class T>
HostMatrix<T> select_rows(const HostMatrix<T>& matrix, const std::vector<std::int64_t>& indices) {
  HostMatrix<T> rows(static_cast<std::int64_t>(indices.size()), matrix.cols());
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const T* source = matrix.row(indices[static_cast<std::size_t>(r)]);
    std::copy(source, source + matrix.cols(), rows.row(r));
  }
  return rows;
}

/// The columns of `matrix` that `indices` lists, in that order.
template <class T>
HostMatrix<T> select_columns(const HostMatrix<T>& matrix,
                             const std::vector<std::int64_t>& indices) {
  HostMatrix<T> columns(matrix.rows(), static_cast<std::int64_t>(indices.size()));
  for (std::int64_t r = 0; r < matrix.rows(); ++r) {
    for (std::int64_t c = 0; c < columns.cols(); ++c) {
      columns.at(r, c) = matrix.at(r, indices[static_cast<std::size_t>(c)]);
    }
  }
  return columns;
}

/// Equality bit for bit, except that any NaN equals any other. Names the first difference.
template <class T>
::testing::AssertionResult same_matrix(const char* name, const HostMatrix<T>& expected,
                                       const HostMatrix<T>& actual) {
  if (expected.rows() != actual.rows() || expected.cols() != actual.cols()) {
    return ::testing::AssertionFailure() << name << " has another shape";
  }
  std::size_t differences = 0;
  std::size_t first = 0;
  for (std::size_t i = expected.values().size(); i-- > 0;) {
    if (same_bits(expected.values()[i], actual.values()[i])) continue;
    ++differences;
    first = i;
  }
  if (differences == 0) return ::testing::AssertionSuccess();
  const auto cols = static_cast<std::size_t>(expected.cols());
  return ::testing::AssertionFailure()
         << name << "[" << first / cols << "," << first % cols << "] is "
         << format_element(actual.values()[first]) << " instead of "
         << format_element(expected.values()[first]) << "; " << differences << " of "
         << expected.values().size() << " differ";
}

}  // namespace qlinear::test
