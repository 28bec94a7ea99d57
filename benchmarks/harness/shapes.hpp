#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace qlinear::benchmark {

/// One linear layer: weight [n, k].
struct LayerShape {
  std::string name;
  std::int64_t n;
  std::int64_t k;
};

/// The layers of Llama 3 8B and 70B, fused as inference engines fuse them.
inline const std::array<LayerShape, 8> kLayerShapes{{
    {"8b_qkv", 6144, 4096},
    {"8b_o", 4096, 4096},
    {"8b_gate_up", 28672, 4096},
    {"8b_down", 4096, 14336},
    {"70b_qkv", 10240, 8192},
    {"70b_o", 8192, 8192},
    {"70b_gate_up", 57344, 8192},
    {"70b_down", 8192, 28672},
}};

/// The linears of a decoder layer.
struct DecoderShape {
  std::string name;
  std::int64_t hidden;
  LayerShape qkv;
  LayerShape o;
  LayerShape gate_up;
  LayerShape down;
};

inline const std::array<DecoderShape, 2> kDecoderShapes{{
    {"8b", 4096, kLayerShapes[0], kLayerShapes[1], kLayerShapes[2], kLayerShapes[3]},
    {"70b", 8192, kLayerShapes[4], kLayerShapes[5], kLayerShapes[6], kLayerShapes[7]},
}};

/// Tokens a call. 17 is where peers change kernels.
inline constexpr std::array<std::int64_t, 15> kTokenCounts{1,   2,   4,   8,    16,   17,   32,  64,
                                                           128, 256, 512, 1024, 2048, 4096, 8192};

/// The layer that is measured at each M up to `kSweepEnd`: with the fewest tiles, it shows every
/// change of kernel.
inline const std::string kSweepLayer = "8b_o";
inline constexpr std::int64_t kSweepEnd = 256;

}  // namespace qlinear::benchmark
