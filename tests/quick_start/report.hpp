#pragma once

#include "pair_result.hpp"

#include <string>
#include <vector>

namespace qlinear::quick_start {

struct Report {
  std::string device;  ///< Its name, as the CUDA runtime gives it.
  const RealLayer* layer;
  std::vector<PairResult> pairs;  ///< The first is the one that the text speaks of.
};

bool all_bits_equal(const std::vector<PairResult>& pairs);

/// For a person to read.
std::string to_text(const Report& report);

/// The same for a program, with numbers in full.
std::string to_json(const Report& report);

}  // namespace qlinear::quick_start
