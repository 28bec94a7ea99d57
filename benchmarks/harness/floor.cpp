#include <harness/floor.hpp>

#include <algorithm>

namespace qlinear::benchmark {
namespace {

constexpr double kActivationBytes = 2;  // bf16, as is the output.
constexpr double kQuantizedBytes = 1;
constexpr double kScaleBytes = 4;

}  // namespace

double quantize_bytes(std::int64_t m, std::int64_t k) {
  const auto rows = static_cast<double>(m);
  return rows * (static_cast<double>(k) * (kActivationBytes + kQuantizedBytes) + kScaleBytes);
}

double gemm_bytes(std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto rows = static_cast<double>(m);
  const auto columns = static_cast<double>(n);
  const auto depth = static_cast<double>(k);
  return (rows + columns) * (depth * kQuantizedBytes + kScaleBytes) +
         rows * columns * kActivationBytes;
}

double gemm_operations(std::int64_t m, std::int64_t n, std::int64_t k) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

double floor_seconds(const MachineRates& rates, Work work, std::int64_t m, std::int64_t n,
                     std::int64_t k) {
  const double quantize = quantize_bytes(m, k) / rates.copy_bytes_per_second;
  if (work == Work::Quantize) return quantize;
  const double bandwidth = std::max(rates.copy_bytes_per_second, rates.read_bytes_per_second);
  const double gemm = std::max(gemm_bytes(m, n, k) / bandwidth,
                               gemm_operations(m, n, k) / rates.int8_operations_per_second);
  return work == Work::Gemm ? gemm : quantize + gemm;
}

double floor_seconds(const MachineRates& rates, const DecoderShape& shape, std::int64_t m) {
  double seconds = 0;
  for (const LayerShape& layer : {shape.qkv, shape.o, shape.gate_up, shape.down}) {
    seconds += floor_seconds(rates, Work::Linear, m, layer.n, layer.k);
  }
  // Two residuals read and two written; of gates and ups, the one half that is no plain activation.
  const auto elements = static_cast<double>(4 * shape.hidden + shape.down.k);
  return seconds +
         static_cast<double>(m) * elements * kActivationBytes / rates.copy_bytes_per_second;
}

}  // namespace qlinear::benchmark
