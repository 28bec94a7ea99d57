// The environment in which a process computes, which other code of it may have changed, bears on no
// bit: the reference, the choice of kernels and, where it runs on this processor, the device
// compute in the default one, and leave the caller's as it was.

#include "support/linear_run.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cfenv>
#include <cstdint>
#include <ostream>
#include <string>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace qlinear::test {
namespace {

// The control and status words of the processor. FE_* does not know flush to zero.

#if defined(__x86_64__)
constexpr std::uint64_t kFlushToZero = 0x8040;  // FTZ and DAZ of MXCSR
constexpr std::uint64_t kFlags = 0x3f;
std::uint64_t control_word() { return _mm_getcsr(); }
void set_control_word(std::uint64_t word) { _mm_setcsr(static_cast<unsigned>(word)); }
#elif defined(__aarch64__)
constexpr std::uint64_t kFlushToZero = std::uint64_t{1} << 24;  // FZ of FPCR
constexpr std::uint64_t kFlags = 0;                             // those are a register of their own
std::uint64_t control_word() {
  std::uint64_t word = 0;
  asm volatile("mrs %0, fpcr" : "=r"(word));
  return word;
}
void set_control_word(std::uint64_t word) { asm volatile("msr fpcr, %0" : : "r"(word)); }
#else
constexpr std::uint64_t kFlushToZero = 0;
constexpr std::uint64_t kFlags = 0;
std::uint64_t control_word() { return 0; }
void set_control_word(std::uint64_t /*word*/) {}
#endif

struct Environment {
  const char* name;
  int rounding;
  bool flush_to_zero = false;
  bool traps = false;
};

/// How GoogleTest prints the parameter.
void PrintTo(const Environment& environment, std::ostream* stream) { *stream << environment.name; }

constexpr std::array kEnvironments = {
    Environment{.name = "FlushToZero", .rounding = FE_TONEAREST, .flush_to_zero = true},
    Environment{.name = "Upward", .rounding = FE_UPWARD},
    Environment{.name = "Downward", .rounding = FE_DOWNWARD},
    Environment{.name = "FlushTowardZero", .rounding = FE_TOWARDZERO, .flush_to_zero = true}};
constexpr Environment kTraps = {.name = "Traps", .rounding = FE_TONEAREST, .traps = true};

/// Computes in another environment for a scope, with flags raised as a computation leaves them.
class ScopedEnvironment {
 public:
  explicit ScopedEnvironment(const Environment& environment) {
    std::fegetenv(&before_);
    std::fesetround(environment.rounding);
    std::feclearexcept(FE_ALL_EXCEPT);
    std::feraiseexcept(FE_DIVBYZERO);
    if (environment.flush_to_zero) set_control_word(control_word() | kFlushToZero);
    if (environment.traps) feenableexcept(FE_ALL_EXCEPT & ~FE_DIVBYZERO);
    control_word_ = control_word();
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;
  ~ScopedEnvironment() { std::fesetenv(&before_); }

  /// Whether rounding, flush to zero and traps are as they were at its begin.
  bool modes_intact() const { return ((control_word() ^ control_word_) & ~kFlags) == 0; }
  /// Whether the flags are, too.
  bool intact() const { return modes_intact() && std::fetestexcept(FE_ALL_EXCEPT) == FE_DIVBYZERO; }

 private:
  std::fenv_t before_{};
  std::uint64_t control_word_ = 0;
};

class FloatingPointEnvironment : public ::testing::TestWithParam<Environment> {};

LinearCase case_of(Fill fill) {
  LinearCase c{.m = 5, .n = 9, .k = 70};
  c.fill = fill;
  c.bias = true;
  return c;
}

template <class TIn>
void expect_same_reference(const Environment& environment) {
  for (const Fill fill : kFills) {
    const LinearCase c = case_of(fill);
    const auto operands = make_operands<TIn, S8>(c);
    const LinearResult<TIn> expected = reference_result(c, operands);
    LinearResult<TIn> actual = expected;
    bool intact = false;
    {
      const ScopedEnvironment scope(environment);
      actual = reference_result(c, operands);
      intact = scope.intact();
    }
    EXPECT_TRUE(same_result(expected, actual)) << c;
    EXPECT_TRUE(intact) << c;
  }
}

TEST_P(FloatingPointEnvironment, BearsOnNoBitOfTheReference) {
  expect_same_reference<__half>(GetParam());
  expect_same_reference<__nv_bfloat16>(GetParam());
  expect_same_reference<float>(GetParam());
  expect_same_reference<double>(GetParam());
}

TEST(FloatingPointTraps, DoNotStopTheReference) {
  expect_same_reference<float>(kTraps);
  expect_same_reference<double>(kTraps);
}

struct Quantized {
  HostMatrix<S8> values;
  HostMatrix<float> scale;
};

Quantized quantize(const LinearCase& c, const HostMatrix<float>& activation) {
  Quantized result{HostMatrix<S8>(c.m, c.k), HostMatrix<float>(1, c.m)};
  const Status status = reference::dynamic_range_quantize<float, S8>(
      quantize_descriptor<float>(c),
      {activation.matrix(), result.values.matrix(), result.scale.vector()});
  EXPECT_TRUE(status.ok()) << status.message();
  return result;
}

TEST_P(FloatingPointEnvironment, BearsOnNoBitOfTheReferenceOfThePassAlone) {
  const LinearCase c = case_of(Fill::Subnormal);
  const auto operands = make_operands<float, S8>(c);
  const Quantized expected = quantize(c, operands.activation);
  Quantized actual;
  bool intact = false;
  {
    const ScopedEnvironment scope(GetParam());
    actual = quantize(c, operands.activation);
    intact = scope.intact();
  }
  EXPECT_EQ(actual.values.values(), expected.values.values());
  EXPECT_EQ(actual.scale.values(), expected.scale.values());
  EXPECT_TRUE(intact);
}

template <class TIn>
void expect_same_device(const Environment& environment) {
  for (const Fill fill : {Fill::Gaussian, Fill::Subnormal, Fill::TinyRows}) {
    const LinearCase c = case_of(fill);
    const auto operands = make_operands<TIn, S8>(c);
    const LinearResult<TIn> expected = reference_result(c, operands);
    LinearResult<TIn> actual = expected;
    bool intact = false;
    {
      const ScopedEnvironment scope(environment);
      actual = device_result(c, operands);
      intact = scope.modes_intact();  // tests compute, too
    }
    EXPECT_TRUE(same_result(expected, actual)) << c;
    EXPECT_TRUE(intact) << c;
  }
}

TEST_P(FloatingPointEnvironment, BearsOnNoBitOfTheDevice) {
  expect_same_device<__half>(GetParam());
  expect_same_device<float>(GetParam());
  expect_same_device<double>(GetParam());
}

TEST(FloatingPointTraps, DoNotStopSelect) {
  const auto select = [](const LinearCase& c) {
    return QuantizedLinearPlan<float, S8>::select(nullptr, linear_descriptor<float, S8>(c));
  };
  // CUDA itself does not start under traps: the first call queries the device.
  ASSERT_TRUE(select({.m = 1, .n = 1, .k = 1}).ok());
  const ScopedEnvironment scope(kTraps);
  const auto plan = select({.m = 1000, .n = 1000, .k = 1000});
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_TRUE(scope.intact());
}

INSTANTIATE_TEST_SUITE_P(, FloatingPointEnvironment, ::testing::ValuesIn(kEnvironments),
                         [](const auto& information) {
                           return std::string(information.param.name);
                         });

}  // namespace
}  // namespace qlinear::test
