#pragma once

#include <vector>

namespace qlinear::benchmark {

struct Summary {
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;

  /// Interquartile range relative to the median.
  double spread() const { return (upper_quartile - lower_quartile) / median; }
};

/// Quantiles interpolate linearly between samples. Precondition: `samples` is not empty.
Summary summarize(std::vector<double> samples);

}  // namespace qlinear::benchmark
