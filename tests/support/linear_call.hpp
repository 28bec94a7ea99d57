#pragma once

#include <qlinear/reference.hpp>

#include <cstdint>
#include <vector>

/// Calls of the CPU reference for f32 and s8 that are correct as they are.
namespace qlinear::test {

/// The tensors of one call in host memory.
struct Buffers {
  std::vector<float> activation, output, bias;
  std::vector<float> weight_scale, act_scale;
  std::vector<S8> weight, quantized;

  bool operator==(const Buffers&) const = default;
};

/// A correct call of M = 3, C_out = 4, K = 5, with a bias, for tests to spoil.
struct LinearCall {
  LinearCall() = default;
  LinearCall(const LinearCall&) = delete;  // `args` points into `buffers`.
  LinearCall& operator=(const LinearCall&) = delete;

  Buffers buffers{std::vector<float>(15, 1), std::vector<float>(12, 2), std::vector<float>(4, 3),
                  std::vector<float>(4, 4),  std::vector<float>(3, 5),  std::vector<S8>(20, 6),
                  std::vector<S8>(15, 7)};
  QuantizedLinearDescriptor descriptor{3, 4, 5};
  QuantizedLinearArgs<float, S8> args{{buffers.activation.data(), {3, 5}, {5, 1}},
                                      {buffers.weight.data(), {4, 5}, {5, 1}},
                                      {buffers.weight_scale.data(), {4}, {1}},
                                      {buffers.output.data(), {3, 4}, {4, 1}},
                                      {buffers.quantized.data(), {3, 5}, {5, 1}},
                                      {buffers.act_scale.data(), {3}, {1}},
                                      {buffers.bias.data(), {4}, {1}}};

  Status run() const { return reference::quantized_linear<float, S8>(descriptor, args); }
};

/// A correct call of M = 3, K = 5.
struct QuantizeCall {
  QuantizeCall() = default;
  QuantizeCall(const QuantizeCall&) = delete;  // `args` points into `buffers`.
  QuantizeCall& operator=(const QuantizeCall&) = delete;

  Buffers buffers{std::vector<float>(15, 1), {}, {}, {}, std::vector<float>(3, 5), {},
                  std::vector<S8>(15, 7)};
  DynamicRangeQuantizeDescriptor descriptor{3, 5};
  DynamicRangeQuantizeArgs<float, S8> args{{buffers.activation.data(), {3, 5}, {5, 1}},
                                           {buffers.quantized.data(), {3, 5}, {5, 1}},
                                           {buffers.act_scale.data(), {3}, {1}}};

  Status run() const { return reference::dynamic_range_quantize<float, S8>(descriptor, args); }
};

}  // namespace qlinear::test
