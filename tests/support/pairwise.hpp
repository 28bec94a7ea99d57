#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qlinear::test {

/// Rows of level indices, one a factor, such that every pair of levels of two different factors
/// occurs in some row. Greedy; the seed decides ties. `level_counts` are at least 1.
std::vector<std::vector<std::size_t>> pairwise_rows(const std::vector<std::size_t>& level_counts,
                                                    std::uint64_t seed);

}  // namespace qlinear::test
