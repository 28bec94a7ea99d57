#pragma once

#include <harness/shapes.hpp>

#include <cstdint>

namespace qlinear::benchmark {

/// What this machine can do at best, as measured.
struct MachineRates {
  double copy_bytes_per_second = 0;  ///< Bytes read plus bytes written.
  double read_bytes_per_second = 0;
  double int8_operations_per_second = 0;  ///< A multiply-add is two.
  /// The same at the power limit, where there is one: no part of the floor. 0 if not measured.
  double sustained_int8_operations_per_second = 0;
};

/// Which part of a quantized linear layer a measurement covers.
enum class Work { Quantize, Gemm, Linear };

/// Fewest bytes through device memory for a bf16 layer: each input read once, each output written
/// once.
double quantize_bytes(std::int64_t m, std::int64_t k);
double gemm_bytes(std::int64_t m, std::int64_t n, std::int64_t k);
double gemm_operations(std::int64_t m, std::int64_t n, std::int64_t k);

/// The time, in seconds, under which no implementation can go: quantize at copy bandwidth; GEMM at
/// the larger of bytes over the best bandwidth and operations over the int8 rate; linear, which
/// includes both, their sum.
double floor_seconds(const MachineRates& rates, Work work, std::int64_t m, std::int64_t n,
                     std::int64_t k);

/// The same of the four linears of a decoder layer, whose quantize passes also read and write a
/// residual each (qkv, gate_up) or compute the gates (down).
double floor_seconds(const MachineRates& rates, const DecoderShape& shape, std::int64_t m);

}  // namespace qlinear::benchmark
