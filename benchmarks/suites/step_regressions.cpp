#include <suites/step_regressions.hpp>

#include <algorithm>
#include <cstddef>

namespace qlinear::benchmark {

std::vector<StepRegression> find_step_regressions(const std::vector<SweepPoint>& sweep) {
  std::vector<StepRegression> regressions;
  for (std::size_t i = 1; i < sweep.size(); ++i) {
    const SweepPoint& before = sweep[i - 1];
    const SweepPoint& after = sweep[i];
    const double growth = after.seconds / before.seconds;
    const double floor_growth = after.floor_seconds / before.floor_seconds;
    if (growth > std::max(kAllowedGrowth, floor_growth)) {
      regressions.push_back({before.m, after.m, growth, floor_growth});
    }
  }
  return regressions;
}

}  // namespace qlinear::benchmark
