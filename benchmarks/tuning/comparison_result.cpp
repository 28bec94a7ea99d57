#include <tuning/comparison_result.hpp>

#include <algorithm>

namespace qlinear::benchmark {

std::vector<ComparisonResult> findings(std::vector<ComparisonResult> results) {
  std::erase_if(results,
                [](const ComparisonResult& result) { return result.loss() <= kAllowedLoss; });
  std::sort(
      results.begin(), results.end(),
      [](const ComparisonResult& a, const ComparisonResult& b) { return a.loss() > b.loss(); });
  return results;
}

}  // namespace qlinear::benchmark
