#pragma once

#include "linear_case.hpp"
#include "types.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

// Runs cases on the device and on the CPU reference. Instantiated for the library's type pairs.

namespace qlinear::test {

/// A matrix in host or device memory whose elements are of type T or of its compute type.
template <template <class> class Matrix, class T>
struct MixedMatrix {
  bool is_compute_type;
  Matrix<T> narrow;
  Matrix<scale_t<T>> wide;
};

/// Inputs of a case. Matrices without rows and columns are those of options that it lacks.
template <template <class> class Matrix, class TIn, class TWQ>
struct LinearInputs {
  Matrix<TIn> activation;
  Matrix<TWQ> weight;
  Matrix<scale_t<TIn>> weight_scale;
  Matrix<TIn> bias;
  Matrix<scale_t<TIn>> column_factor;
  MixedMatrix<Matrix, TIn> norm_weight;
  MixedMatrix<Matrix, TIn> norm_bias;
  MixedMatrix<Matrix, TIn> source_residual;
  Matrix<scale_t<TIn>> range_max;
  Matrix<scale_t<TIn>> range_min;
  Matrix<scale_t<TIn>> static_scale;
  Matrix<S8> static_zero_point;
  Matrix<S8> given_q;
  Matrix<scale_t<TIn>> given_scale;
  Matrix<S8> given_zero_point;
  Matrix<std::int32_t> given_sum;
  Matrix<std::int32_t> weight_sum;
  Matrix<TWQ> weight_zero_point;
  Matrix<scale_t<TIn>> routing_weight;
  Matrix<TIn> output_residual;
};

/// Everything that the library writes, likewise.
template <template <class> class Matrix, class TIn>
struct LinearOutputs {
  Matrix<TIn> output;
  Matrix<S8> act_q;
  Matrix<scale_t<TIn>> act_scale;
  Matrix<S8> act_zero_point;
  Matrix<std::int32_t> act_sum;
  MixedMatrix<Matrix, TIn> residual_out;
  Matrix<TIn> normed_out;
};

template <class TIn, class TWQ>
using LinearOperands = LinearInputs<HostMatrix, TIn, TWQ>;
template <class TIn>
using LinearResult = LinearOutputs<HostMatrix, TIn>;

template <class TIn, class TWQ>
LinearOperands<TIn, TWQ> make_operands(const LinearCase& c);

/// The operands of the rows of the activation that `rows` lists, in that order.
template <class TIn, class TWQ>
LinearOperands<TIn, TWQ> with_rows(LinearOperands<TIn, TWQ> operands,
                                   const std::vector<std::int64_t>& rows);

template <class TIn>
LinearResult<TIn> select_rows(const LinearResult<TIn>& result,
                              const std::vector<std::int64_t>& rows);

template <class TIn, class TWQ>
LinearResult<TIn> reference_result(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands);

/// Inputs and poisoned outputs of a case on the current device, all of them guarded.
template <class TIn, class TWQ>
struct DeviceLinear : LinearInputs<GuardedMatrix, TIn, TWQ>, LinearOutputs<GuardedMatrix, TIn> {
  DeviceLinear(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands);

  QuantizedLinearArgs<TIn, TWQ> args() const;
  /// Of the quantize pass alone.
  DynamicRangeQuantizeArgs<TIn, S8> quantize_args() const;
  LinearResult<TIn> download() const;

  /// The outputs equal `expected` and nothing else has been written.
  ::testing::AssertionResult holds(const LinearResult<TIn>& expected) const;
  /// Nothing has been written, outputs included.
  ::testing::AssertionResult untouched() const;
  /// Nothing but elements of the outputs has been written.
  ::testing::AssertionResult guards_intact() const;
  ::testing::AssertionResult inputs_untouched() const;

  bool has_bias;
  LayerOptions options;
};

/// Guarded device memory that holds garbage before the run.
class GuardedWorkspace {
 public:
  explicit GuardedWorkspace(std::size_t bytes)
      : bytes_(1, static_cast<std::int64_t>(bytes), {}, kFinitePoison) {}
  Workspace get() const {
    const TensorRef<std::uint8_t, 1> bytes = bytes_.vector_ref();
    return bytes.shape[0] == 0 ? Workspace{}
                               : Workspace{bytes_.data(), static_cast<std::size_t>(bytes.shape[0])};
  }
  ::testing::AssertionResult guards_intact() const { return bytes_.guards_intact("workspace"); }

 private:
  GuardedMatrix<std::uint8_t> bytes_;
};

/// Selects a plan for `c`, runs it on `operands` and downloads what it wrote. Throws when a call
/// fails or a guard was overwritten.
template <class TIn, class TWQ>
LinearResult<TIn> device_result(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands);

template <class TIn>
::testing::AssertionResult same_result(const LinearResult<TIn>& expected,
                                       const LinearResult<TIn>& actual);

enum class Outcome {
  Exact,     ///< Every bit of output and scratch equals the reference's, and no other was written.
  Declined,  ///< Unsupported, and nothing was written.
  Wrong,
};

struct CaseReport {
  Outcome outcome;
  std::string detail;  ///< What went wrong or why it was declined, with the reproducer.
};

/// Runs plan and reference and compares output and scratch bit for bit.
template <class TIn, class TWQ>
CaseReport run_case(const LinearCase& c);

/// As `run_case`, for the quantize pass alone through `DynamicRangeQuantizePlan`; `n`, `bias`,
/// `kernel` and the epilogue take no part.
template <class TIn>
CaseReport run_quantize_case(const LinearCase& c);

CaseReport run_case(TypePair types, const LinearCase& c);
CaseReport run_quantize_case(ElementKind activation, const LinearCase& c);

enum class Expectation { Exact, ExactOrDeclined, Declined };

::testing::AssertionResult meets(const CaseReport& report, Expectation expectation);
::testing::AssertionResult is_exact(const CaseReport& report);

}  // namespace qlinear::test
