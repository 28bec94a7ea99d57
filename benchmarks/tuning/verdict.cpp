#include <tuning/verdict.hpp>

#include <algorithm>

namespace qlinear::benchmark {

std::vector<Verdict> findings(std::vector<Verdict> verdicts) {
  std::erase_if(verdicts, [](const Verdict& verdict) { return verdict.loss() <= kAllowedLoss; });
  std::sort(verdicts.begin(), verdicts.end(),
            [](const Verdict& a, const Verdict& b) { return a.loss() > b.loss(); });
  return verdicts;
}

}  // namespace qlinear::benchmark
