#pragma once

#include "fidelity.hpp"
#include "real_layer.hpp"
#include "support/types.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace qlinear::quick_start {

/// Whether this build runs kernels on the emulated device.
inline constexpr bool kEmulatedDevice = QLINEAR_QUICK_START_EMULATED_DEVICE;

/// A layer and its output in double, without quantization.
struct ExactLayer {
  explicit ExactLayer(RealLayer real_layer)
      : layer(std::move(real_layer)), output(f64_product(layer)) {}
  RealLayer layer;
  std::vector<double> output;
};

/// What a plan made of a layer with one pair of element types.
struct PairResult {
  test::TypePair types{};
  std::string quantize_kernel;
  std::string kernel;
  Fidelity fidelity{};                        ///< Of the output, against the exact layer's.
  bool bits_equal = false;                    ///< Output and CPU reference.
  std::optional<double> median_microseconds;  ///< Of `run`; none on the emulated device.
  std::vector<std::byte> output;              ///< [m, c_out] in the activation's type.
};

/// Quantizes the weights, runs a plan on the current device and the reference on the CPU.
/// Throws std::runtime_error with the message of whatever failed.
PairResult run_pair(test::TypePair types, const ExactLayer& exact);

}  // namespace qlinear::quick_start
