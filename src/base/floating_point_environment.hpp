#pragma once

#include <cfenv>

namespace qlinear::detail {

/// While it lives, this thread computes in the environment in which a C program starts: it rounds
/// to nearest, flushes nothing to zero and traps nothing. Its destructor restores the caller's
/// environment, flags included.
class DefaultFloatingPoint {
 public:
  DefaultFloatingPoint() noexcept {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatingPoint() { std::fesetenv(&before_); }
  DefaultFloatingPoint(const DefaultFloatingPoint&) = delete;
  DefaultFloatingPoint& operator=(const DefaultFloatingPoint&) = delete;

 private:
  std::fenv_t before_;
};

/// Calls `work` in the default environment. It is not inlined: compilers move arithmetic across the
/// calls that change the environment, but not out of a function.
template <class Work>
[[gnu::noinline]] auto call_out_of_line(const Work& work) {
  return work();
}

template <class Work>
auto with_default_floating_point(const Work& work) {
  const DefaultFloatingPoint scope;
  return call_out_of_line(work);
}

}  // namespace qlinear::detail
