// A layer of three rows whose bits fast-math changes: one with a NaN, one of subnormal numbers, one
// of ordinary ones. This file itself may be compiled with it, and so compares integers.

#include <cuda_runtime_api.h>
#include <qlinear/qlinear.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

using Plan = qlinear::QuantizedLinearPlan<float, qlinear::S8>;

constexpr std::int64_t kRows = 3, kOutputs = 2, kDepth = 16;
constexpr std::uint32_t kInfinity = 0x7f800000;

struct Layer {
  std::vector<std::uint32_t> activation = std::vector<std::uint32_t>(kRows * kDepth);
  std::vector<qlinear::S8> weight = std::vector<qlinear::S8>(kOutputs * kDepth, 3);
  std::vector<std::uint32_t> weight_scale = std::vector<std::uint32_t>(kOutputs, 0x3d4ccccd);
  std::vector<std::uint32_t> output = std::vector<std::uint32_t>(kRows * kOutputs);
  std::vector<qlinear::S8> act_q = std::vector<qlinear::S8>(kRows * kDepth);
  std::vector<std::uint32_t> act_scale = std::vector<std::uint32_t>(kRows);

  Layer() {
    for (std::size_t i = 0; i < kDepth; ++i) {
      activation[i] = 0x3f800000 + static_cast<std::uint32_t>(i);
      activation[kDepth + i] = 0x00123456 + static_cast<std::uint32_t>(i);
      activation[2 * kDepth + i] = 0x3dcccccd + static_cast<std::uint32_t>(i * i * 77777);
    }
    activation[5] = 0x7fc00000;
  }

  static float* floats(std::vector<std::uint32_t>& bits) {
    return reinterpret_cast<float*>(bits.data());
  }
};

Plan::Args describe(float* activation, qlinear::S8* weight, float* weight_scale, float* output,
                    qlinear::S8* act_q, float* act_scale) {
  return Plan::Args{{activation, {kRows, kDepth}, {kDepth, 1}},
                    {weight, {kOutputs, kDepth}, {kDepth, 1}},
                    {weight_scale, {kOutputs}, {1}},
                    {output, {kRows, kOutputs}, {kOutputs, 1}},
                    {act_q, {kRows, kDepth}, {kDepth, 1}},
                    {act_scale, {kRows}, {1}}};
}

bool check(bool holds, const char* what) {
  if (!holds) std::fprintf(stderr, "not so: %s\n", what);
  return holds;
}

bool succeeded(const qlinear::Status& status) {
  return check(status.ok(), status.message().c_str());
}

template <class T>
T* upload(const std::vector<T>& values) {
  void* data = nullptr;
  const std::size_t bytes = values.size() * sizeof(T);
  check(cudaMalloc(&data, bytes) == cudaSuccess, "cudaMalloc succeeds");
  check(cudaMemcpy(data, values.data(), bytes, cudaMemcpyHostToDevice) == cudaSuccess,
        "cudaMemcpy succeeds");
  return static_cast<T*>(data);
}

/// Whether all rows but the first are the same: the payload of a NaN is not defined.
template <class T>
bool same(const T* device, const std::vector<T>& expected, const char* what) {
  std::vector<T> actual(expected.size());
  const auto error =
      cudaMemcpy(actual.data(), device, actual.size() * sizeof(T), cudaMemcpyDeviceToHost);
  const auto row = static_cast<std::ptrdiff_t>(expected.size() / kRows);
  return check(error == cudaSuccess &&
                   std::equal(actual.begin() + row, actual.end(), expected.begin() + row),
               what);
}

bool run_reference(Layer& layer) {
  const qlinear::QuantizedLinearDescriptor descriptor{kRows, kOutputs, kDepth};
  return succeeded(qlinear::reference::quantized_linear(
      descriptor, describe(Layer::floats(layer.activation), layer.weight.data(),
                           Layer::floats(layer.weight_scale), Layer::floats(layer.output),
                           layer.act_q.data(), Layer::floats(layer.act_scale))));
}

bool device_agrees(const Layer& layer) {
  const qlinear::QuantizedLinearDescriptor descriptor{kRows, kOutputs, kDepth};
  const auto plan = Plan::select(nullptr, descriptor);
  if (!succeeded(plan.status())) return false;
  auto* activation = upload(layer.activation);
  auto* weight = upload(layer.weight);
  auto* weight_scale = upload(layer.weight_scale);
  auto* output = upload(std::vector<std::uint32_t>(layer.output.size()));
  auto* act_q = upload(std::vector<qlinear::S8>(layer.act_q.size()));
  auto* act_scale = upload(std::vector<std::uint32_t>(layer.act_scale.size()));
  const auto floats = [](std::uint32_t* bits) { return reinterpret_cast<float*>(bits); };
  const auto args = describe(floats(activation), weight, floats(weight_scale), floats(output),
                             act_q, floats(act_scale));
  return succeeded(plan.value().run(nullptr, {}, args)) &&
         same(act_q, layer.act_q, "the device's q is the reference's") &&
         same(act_scale, layer.act_scale, "the device's scale is the reference's") &&
         same(output, layer.output, "the device's output is the reference's");
}

}  // namespace

int main() {
  Layer layer;
  bool good = run_reference(layer);
  good &= check((layer.act_scale[0] & 0x7fffffff) > kInfinity, "a row with a NaN has scale NaN");
  good &= check((layer.output[0] & 0x7fffffff) > kInfinity, "its outputs are NaN");
  good &= check(layer.act_q[0] == 0, "its q is 0");
  good &= check(layer.act_q[2 * kDepth - 1] == 127, "a row of subnormal numbers reaches 127");
  good &= device_agrees(layer);
  return good ? 0 : 1;
}
