#pragma once

#include "feed_forward.hpp"
#include "pair_result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace qlinear::quick_start {

struct Report {
  std::string device;  ///< Its name, as the CUDA runtime gives it.
  const RealLayer* layer;
  std::vector<PairResult> pairs;                  ///< The first is the one that the text speaks of.
  std::optional<FeedForwardResult> feed_forward;  ///< Of the block that the layer begins.
};

bool all_bits_equal(const Report& report);

/// For a person to read.
std::string to_text(const Report& report);

/// The same for a program, with numbers in full.
std::string to_json(const Report& report);

}  // namespace qlinear::quick_start
