#include <suites/decoder_problem.hpp>

#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>

#include <cstdint>

namespace qlinear::benchmark {

DecoderActivations::DecoderActivations(const DecoderShape& shape, std::int64_t m,
                                       cudaStream_t stream)
    : x(m * shape.hidden),
      residual(m * shape.hidden),
      attention(m * shape.o.k),
      norm_weight(shape.hidden),
      residual_1(m * shape.hidden),
      residual_2(m * shape.hidden),
      normed(m * shape.hidden),
      qkv(m * shape.qkv.n),
      o(m * shape.hidden),
      gate_up(m * shape.gate_up.n),
      gated(m * shape.down.k),
      down(m * shape.hidden) {
  std::uint32_t seed = 11;
  for (const DeviceBuffer<Bf16>* buffer :
       {&x, &residual, &attention, &norm_weight, &normed, &gated}) {
    check(fill_gaussian(buffer->data(), buffer->count(), seed++, stream));
  }
}

DecoderProblem::DecoderProblem(const DecoderShape& layers, std::int64_t tokens,
                               std::int64_t l2_bytes, cudaStream_t stream)
    : shape(layers),
      m(tokens),
      qkv(layers.qkv, l2_bytes, stream),
      o(layers.o, l2_bytes, stream),
      gate_up(layers.gate_up, l2_bytes, stream),
      down(layers.down, l2_bytes, stream),
      a(layers, tokens, stream) {}

}  // namespace qlinear::benchmark
