#include "fidelity.hpp"

#include <cmath>
#include <cstddef>

namespace qlinear::quick_start {

Fidelity fidelity(const std::vector<double>& expected, const std::vector<double>& actual) {
  double signal = 0;
  double noise = 0;
  double power = 0;
  double product = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = actual[i] - expected[i];
    signal += expected[i] * expected[i];
    noise += error * error;
    power += actual[i] * actual[i];
    product += expected[i] * actual[i];
  }
  return {10 * std::log10(signal / noise), product / std::sqrt(signal * power)};
}

}  // namespace qlinear::quick_start
