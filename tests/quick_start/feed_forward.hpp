#pragma once

#include "fidelity.hpp"
#include "real_layer.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace qlinear::quick_start {

/// The feed-forward block that `first` begins, `norm(gelu(x · W1ᵀ + b1) · W2ᵀ + b2 + x)`, whose
/// second layer leads back to the width of x.
struct FeedForward {
  RealLayer first;
  std::vector<double> weight;       ///< W2, [first.k, first.c_out]
  std::vector<double> bias;         ///< [first.k]
  std::vector<double> norm_weight;  ///< [first.k]
  std::vector<double> norm_bias;    ///< [first.k]
};

/// What plans made of a block in W8A8, x in f16.
struct FeedForwardResult {
  std::vector<std::string> kernels;           ///< In their order.
  Fidelity fidelity{};                        ///< Of the output, against the block in f64.
  bool bits_equal = false;                    ///< Output and CPU reference.
  std::optional<double> median_microseconds;  ///< None on the emulated device.
};

/// Reads the f16 tensors "weight", "bias", "norm_weight" and "norm_bias". Throws as `read_layer`.
FeedForward read_feed_forward(RealLayer first, const std::filesystem::path& path);

/// Quantizes the weights, runs plans on the current device and the reference on the CPU. Throws
/// std::runtime_error with the message of whatever failed.
FeedForwardResult run_feed_forward(const FeedForward& block);

}  // namespace qlinear::quick_start
