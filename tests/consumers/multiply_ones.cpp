#include "multiply_ones.hpp"

#include <cuda_runtime_api.h>
#include <qlinear/qlinear.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <type_traits>
#include <vector>

namespace consumer {
namespace {

using Plan = qlinear::QuantizedLinearPlan<float, qlinear::S8>;

constexpr std::int64_t kRows = 3, kOutputs = 5, kDepth = 32;

struct Memory {
  float* activation;
  qlinear::S8* weight;
  float* weight_scale;
  float* output;
  qlinear::S8* act_q;
  float* act_scale;
};

Plan::Args describe(const Memory& memory) {
  const auto matrix = [](auto* data, std::int64_t rows, std::int64_t columns) {
    using Tensor = qlinear::TensorMut<std::remove_pointer_t<decltype(data)>, 2>;
    return Tensor{data, {rows, columns}, {columns, 1}};
  };
  return Plan::Args{{memory.activation, {kRows, kDepth}, {kDepth, 1}},
                    {memory.weight, {kOutputs, kDepth}, {kDepth, 1}},
                    {memory.weight_scale, {kOutputs}, {1}},
                    matrix(memory.output, kRows, kOutputs),
                    matrix(memory.act_q, kRows, kDepth),
                    {memory.act_scale, {kRows}, {1}}};
}

struct CudaFree {
  void operator()(void* data) const { cudaFree(data); }
};

template <class T>
std::unique_ptr<T, CudaFree> device_copy(const std::vector<T>& values) {
  const std::size_t bytes = values.size() * sizeof(T);
  void* data = nullptr;
  if (cudaMalloc(&data, bytes) != cudaSuccess ||
      cudaMemcpy(data, values.data(), bytes, cudaMemcpyHostToDevice) != cudaSuccess) {
    std::fprintf(stderr, "no device memory\n");
  }
  return std::unique_ptr<T, CudaFree>(static_cast<T*>(data));
}

bool succeeded(const qlinear::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return status.ok();
}

}  // namespace

bool multiply_ones() {
  const qlinear::QuantizedLinearDescriptor descriptor{kRows, kOutputs, kDepth};
  std::vector<float> activation(kRows * kDepth, 1.0F), weight_scale(kOutputs, 1.0F);
  std::vector<float> output(kRows * kOutputs), act_scale(kRows);
  std::vector<qlinear::S8> weight(kOutputs * kDepth, 1), act_q(kRows * kDepth);

  const Memory host{activation.data(), weight.data(), weight_scale.data(),
                    output.data(),     act_q.data(),  act_scale.data()};
  if (!succeeded(qlinear::reference::quantized_linear(descriptor, describe(host)))) return false;

  const auto d_activation = device_copy(activation), d_weight_scale = device_copy(weight_scale);
  const auto d_output = device_copy(std::vector<float>(output.size()));
  const auto d_act_scale = device_copy(act_scale);
  const auto d_weight = device_copy(weight), d_act_q = device_copy(act_q);
  const Memory device{d_activation.get(), d_weight.get(), d_weight_scale.get(),
                      d_output.get(),     d_act_q.get(),  d_act_scale.get()};
  const auto plan = Plan::select(nullptr, descriptor);
  if (!succeeded(plan.status())) return false;
  if (!succeeded(plan.value().run(nullptr, {}, describe(device)))) return false;

  std::vector<float> result(output.size());
  const cudaError_t error = cudaMemcpy(result.data(), device.output, result.size() * sizeof(float),
                                       cudaMemcpyDeviceToHost);
  return error == cudaSuccess && result == output;
}

}  // namespace consumer
