#pragma once

#include "linear_case.hpp"
#include "types.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <string>

// Runs cases on the device and on the CPU reference. Instantiated for the library's type pairs.

namespace qlinear::test {

/// Inputs of a case, in host memory.
template <class TIn, class TWQ>
struct LinearOperands {
  HostMatrix<TIn> activation;
  HostMatrix<TWQ> weight;
  HostMatrix<scale_t<TIn>> weight_scale;
  HostMatrix<TIn> bias;
};

/// Everything that the library writes.
template <class TIn>
struct LinearResult {
  HostMatrix<TIn> output;
  HostMatrix<S8> act_q;
  HostMatrix<scale_t<TIn>> act_scale;
};

template <class TIn, class TWQ>
LinearOperands<TIn, TWQ> make_operands(const LinearCase& c);

template <class TIn, class TWQ>
LinearResult<TIn> reference_result(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands);

/// Inputs and poisoned outputs of a case on the current device, all of them guarded.
template <class TIn, class TWQ>
struct DeviceLinear {
  DeviceLinear(const LinearCase& c, const LinearOperands<TIn, TWQ>& operands);

  QuantizedLinearArgs<TIn, TWQ> args() const;
  LinearResult<TIn> download() const;

  /// The outputs equal `expected` and nothing else has been written.
  ::testing::AssertionResult holds(const LinearResult<TIn>& expected) const;
  /// Nothing has been written, outputs included.
  ::testing::AssertionResult untouched() const;
  /// Nothing but elements of the outputs has been written.
  ::testing::AssertionResult guards_intact() const;
  ::testing::AssertionResult inputs_untouched() const;

  bool has_bias;
  GuardedMatrix<TIn> activation;
  GuardedMatrix<TWQ> weight;
  GuardedMatrix<scale_t<TIn>> weight_scale;
  GuardedMatrix<TIn> bias;
  GuardedMatrix<TIn> output;
  GuardedMatrix<S8> act_q;
  GuardedMatrix<scale_t<TIn>> act_scale;
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

/// As `run_case`, for the quantize pass alone through `DynamicRangeQuantizePlan`; `n`, `bias` and
/// `kernel` take no part.
template <class TIn>
CaseReport run_quantize_case(const LinearCase& c);

CaseReport run_case(TypePair types, const LinearCase& c);
CaseReport run_quantize_case(ElementKind activation, const LinearCase& c);

enum class Expectation { Exact, ExactOrDeclined, Declined };

::testing::AssertionResult meets(const CaseReport& report, Expectation expectation);
::testing::AssertionResult is_exact(const CaseReport& report);

}  // namespace qlinear::test
