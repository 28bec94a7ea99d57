#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numeric>
#include <vector>

namespace qlinear::quick_start {

/// `weight[n,k] ≈ scale[n] * q[n,k]`
template <class TWQ>
struct QuantizedWeight {
  std::vector<TWQ> q;         ///< [c_out, k]
  std::vector<double> scale;  ///< [c_out]
};

/// Symmetric quantization of each output channel in double: `scale = max|w| / qmax`, `qmax` 127
/// for S8 and 255 for U8, and `q = rint(w / scale)` with ties to even. A channel of zeros has the
/// scale 1. Precondition: `k > 0`, and no weight is negative for U8.
template <class TWQ>
QuantizedWeight<TWQ> quantize_per_channel(const std::vector<double>& weight, std::int64_t k) {
  const auto larger_magnitude = [](double a, double b) { return std::max(a, std::abs(b)); };
  QuantizedWeight<TWQ> quantized;
  quantized.q.reserve(weight.size());
  for (auto row = weight.begin(); row != weight.end(); row += k) {
    const double amax = std::accumulate(row, row + k, 0.0, larger_magnitude);
    const double scale = amax > 0 ? amax / std::numeric_limits<TWQ>::max() : 1;
    quantized.scale.push_back(scale);
    std::transform(row, row + k, std::back_inserter(quantized.q),
                   [=](double w) { return static_cast<TWQ>(std::nearbyint(w / scale)); });
  }
  return quantized;
}

}  // namespace qlinear::quick_start
