#pragma once

#include "support/safetensors.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace qlinear::quick_start {

/// One linear layer, `y = x · Wᵀ + bias`, and the activations that reached it, all row-major.
struct RealLayer {
  std::string source;  ///< Whose layer it is, in words.
  std::int64_t m = 0;
  std::int64_t c_out = 0;
  std::int64_t k = 0;
  std::vector<double> activation;  ///< [m, k]
  std::vector<double> weight;      ///< [c_out, k]
  std::vector<double> bias;        ///< [c_out]
};

/// Reads the f16 tensors "activation", "weight" and "bias" of a .safetensors file, and "source" of
/// its metadata. Throws std::runtime_error if the file, a tensor or a shape is not as expected.
RealLayer read_layer(const std::filesystem::path& path);

/// A tensor of such a file, in its bytes and as numbers. Throws likewise.
test::SafetensorsTensor f16_tensor(const test::SafetensorsFile& file, const std::string& name,
                                   std::size_t rank);
std::vector<double> f16_values(const test::SafetensorsTensor& tensor);

/// `layer` with each output channel's smallest weight subtracted from that channel, which leaves
/// weights >= 0: a problem for U8 weights, which have no zero point.
RealLayer with_non_negative_weight(RealLayer layer);

/// The layer's output [m, c_out], every product and sum in double.
std::vector<double> f64_product(const RealLayer& layer);

}  // namespace qlinear::quick_start
