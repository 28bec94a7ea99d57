#pragma once

#include <vector>

namespace qlinear::quick_start {

/// How close an output is to the exact one.
struct Fidelity {
  double snr_db;  ///< 10 log10(sum expected² / sum (actual - expected)²)
  double cosine;  ///< Of the angle between the two, as vectors.
};

/// Precondition: as many elements in both, not all zero.
Fidelity fidelity(const std::vector<double>& expected, const std::vector<double>& actual);

}  // namespace qlinear::quick_start
