#include "pairwise.hpp"

#include "random.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace qlinear::test {
namespace {

using Row = std::vector<std::size_t>;

/// Which pairs of levels no row has shown yet.
class PairTable {
 public:
  explicit PairTable(const Row& level_counts) : first_(level_counts.size() + 1, 0) {
    std::partial_sum(level_counts.begin(), level_counts.end(), first_.begin() + 1);
    missing_.assign(first_.back() * first_.back(), false);
    demand_.assign(first_.back(), 0);
    for (std::size_t a = 0; a < level_counts.size(); ++a) {
      for (std::size_t b = 0; b < level_counts.size(); ++b) {
        if (a == b) continue;
        for (std::size_t i = first_[a]; i < first_[a + 1]; ++i) {
          for (std::size_t j = first_[b]; j < first_[b + 1]; ++j) mark(i, j, true);
        }
      }
    }
  }

  bool empty() const { return count_ == 0; }

  /// Missing pairs between `level` of `factor` and the levels of `others` in `row`.
  std::size_t gain(std::size_t factor, std::size_t level, const Row& row,
                   const std::vector<std::size_t>& others) const {
    std::size_t gain = 0;
    for (const std::size_t other : others) {
      gain += missing(first_[factor] + level, first_[other] + row[other]);
    }
    return gain;
  }

  /// Missing pairs of `level` of `factor` with anything.
  std::size_t demand(std::size_t factor, std::size_t level) const {
    return demand_[first_[factor] + level];
  }

  void cover(const Row& row) {
    for (std::size_t a = 0; a < row.size(); ++a) {
      for (std::size_t b = 0; b < row.size(); ++b) {
        if (a != b) mark(first_[a] + row[a], first_[b] + row[b], false);
      }
    }
  }

 private:
  bool missing(std::size_t i, std::size_t j) const { return missing_[i * first_.back() + j]; }
  void mark(std::size_t i, std::size_t j, bool missing) {
    const std::size_t cell = i * first_.back() + j;
    if (missing_[cell] == missing) return;
    missing_[cell] = missing;
    const std::size_t change = missing ? 1 : std::size_t(-1);
    count_ += change;
    demand_[i] += change;
  }

  Row first_;  ///< Global number of the first level of each factor.
  std::vector<bool> missing_;
  std::vector<std::size_t> demand_;  ///< How many of each level's pairs are missing.
  std::size_t count_ = 0;
};

/// Best level of `factor` beside the levels that the `fixed` factors have in `row`.
std::size_t best_level(const PairTable& table, std::size_t factor, std::size_t levels,
                       const Row& row, const std::vector<std::size_t>& fixed, Random& random) {
  std::size_t best = 0;
  std::pair<std::size_t, std::size_t> best_gain{};
  const std::size_t start = random.index(levels);
  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t level = (start + i) % levels;
    const std::pair gain{table.gain(factor, level, row, fixed), table.demand(factor, level)};
    if (i != 0 && gain <= best_gain) continue;
    best = level;
    best_gain = gain;
  }
  return best;
}

}  // namespace

std::vector<Row> pairwise_rows(const std::vector<std::size_t>& level_counts, std::uint64_t seed) {
  Random random(seed);
  PairTable table(level_counts);
  std::vector<Row> rows;
  std::vector<std::size_t> order(level_counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  while (!table.empty()) {
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random.index(i)]);
    }
    Row row(level_counts.size());
    std::vector<std::size_t> fixed;
    for (const std::size_t factor : order) {
      row[factor] = best_level(table, factor, level_counts[factor], row, fixed, random);
      fixed.push_back(factor);
    }
    table.cover(row);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace qlinear::test
