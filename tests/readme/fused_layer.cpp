// The fused call that README shows, against the CPU reference.

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>
#include <qlinear/qlinear.hpp>
#include <qlinear/reference.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

using bf16 = __nv_bfloat16;
using Plan = qlinear::QuantizedLinearPlan<bf16, qlinear::S8>;

constexpr std::int64_t tokens = 3, hidden = 64, inner = 24;

/// The same numbers on the host and on the device.
template <class T>
struct Buffer {
  explicit Buffer(std::int64_t size) : host(static_cast<std::size_t>(size)) {
    for (std::size_t i = 0; i < host.size(); ++i) {
      host[i] = static_cast<T>(static_cast<float>(static_cast<int>(i * 37 % 29) - 14) / 4);
    }
    cudaMalloc(&memory, bytes());
    cudaMemcpy(memory, host.data(), bytes(), cudaMemcpyHostToDevice);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { cudaFree(memory); }

  std::size_t bytes() const { return host.size() * sizeof(T); }
  T* device() const { return static_cast<T*>(memory); }
  bool device_equals_host() const {
    std::vector<T> copy(host.size());
    cudaMemcpy(copy.data(), memory, bytes(), cudaMemcpyDeviceToHost);
    return std::memcmp(copy.data(), host.data(), bytes()) == 0;
  }

  std::vector<T> host;
  void* memory = nullptr;
};

}  // namespace

int main() {
  Buffer<bf16> activation(tokens * hidden), stream_of_residuals(tokens * hidden), norm(hidden);
  Buffer<bf16> output(tokens * inner);
  Buffer<qlinear::S8> weights(2 * inner * hidden), quantized(tokens * hidden);
  Buffer<float> scales(2 * inner), row_scales(tokens);

  cudaStream_t stream = nullptr;
  qlinear::Workspace workspace;
  qlinear::Status status(qlinear::StatusCode::Unsupported, "no plan");
  const auto x = qlinear::matrix(activation.device(), tokens, hidden);
  const auto weight = qlinear::matrix(weights.device(), 2 * inner, hidden);
  const auto weight_scale = qlinear::vector(scales.device(), 2 * inner);
  const auto y = qlinear::matrix(output.device(), tokens, inner);
  const auto act_q = qlinear::matrix(quantized.device(), tokens, hidden);
  const auto act_scale = qlinear::vector(row_scales.device(), tokens);
  const auto norm_weight = qlinear::vector(norm.device(), hidden);
  const auto residual = qlinear::matrix(stream_of_residuals.device(), tokens, hidden);
#include "fused_layer.inc"
  cudaStreamSynchronize(stream);

  args.activation.data = activation.host.data();
  args.weight_q.data = weights.host.data();
  args.weight_scale.data = scales.host.data();
  args.output.data = output.host.data();
  args.act_q_scratch.data = quantized.host.data();
  args.act_scale_scratch.data = row_scales.host.data();
  args.source.norm_weight.data = norm.host.data();
  args.source.residual.data = args.source.residual_out.data = stream_of_residuals.host.data();
  const auto expected = qlinear::reference::quantized_linear(layer, args);
  std::printf("%s%s\n", status.message().c_str(), expected.message().c_str());
  const bool equal = output.device_equals_host() && stream_of_residuals.device_equals_host();
  return status.ok() && expected.ok() && equal ? 0 : 1;
}
