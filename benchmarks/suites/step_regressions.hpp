#pragma once

#include <cstdint>
#include <vector>

namespace qlinear::benchmark {

/// One time of a sweep over M, in the order of M.
struct SweepPoint {
  std::int64_t m;
  double seconds;
  double floor_seconds;
};

/// A step between neighbouring M at which the time grew too much.
struct StepRegression {
  std::int64_t m_before;
  std::int64_t m_after;
  double growth;        ///< Time after over time before.
  double floor_growth;  ///< The same of the floor.
};

/// Largest growth from one M to the next, unless the floor itself grows more.
inline constexpr double kAllowedGrowth = 1.10;

std::vector<StepRegression> find_step_regressions(const std::vector<SweepPoint>& sweep);

}  // namespace qlinear::benchmark
