#include <cuda_bf16.h>
#include <cuda_runtime_api.h>
#include <qlinear/qlinear.hpp>

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <vector>

using bf16 = __nv_bfloat16;
using Plan = qlinear::QuantizedLinearPlan<bf16, qlinear::S8>;

template <class T>
T* to_device(const std::vector<T>& values) {
  void* data = nullptr;
  cudaMalloc(&data, values.size() * sizeof(T));
  cudaMemcpy(data, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
  return static_cast<T*>(data);
}

int fail(const qlinear::Status& status) {
  std::fprintf(stderr, "%s: %s\n", to_string(status.code()), status.message().c_str());
  return 1;
}

int main() {
  constexpr std::int64_t tokens = 16, inputs = 1024, outputs = 512;
  cudaStream_t stream;
  cudaStreamCreate(&stream);

  // Select once for a problem. A plan is a value: copy it, keep it, share it between threads.
  qlinear::QuantizedLinearDescriptor problem;
  problem.m = tokens;
  problem.c_out = outputs;
  problem.k = inputs;
  const auto selected = Plan::select(stream, problem);
  if (!selected.ok()) return fail(selected.status());
  const Plan& plan = selected.value();

  // All memory is the caller's. Layers that run one after another can share scratch and workspace.
  bf16* activation = to_device(std::vector<bf16>(tokens * inputs, __float2bfloat16(0.5F)));
  qlinear::S8* weight = to_device(std::vector<qlinear::S8>(outputs * inputs, 2));
  float* weight_scale = to_device(std::vector<float>(outputs, 1.0F / 1024));
  bf16* output = to_device(std::vector<bf16>(tokens * outputs));
  qlinear::S8* act_q = to_device(std::vector<qlinear::S8>(tokens * inputs));
  float* act_scale = to_device(std::vector<float>(tokens));
  qlinear::Workspace workspace{nullptr, plan.workspace_size()};
  cudaMalloc(&workspace.data, workspace.bytes);

  // Rows without padding. {activation, {tokens, inputs}, {stride, 1}} is a matrix with it.
  const Plan::Args args{
      qlinear::matrix(activation, tokens, inputs), qlinear::matrix(weight, outputs, inputs),
      qlinear::vector(weight_scale, outputs),      qlinear::matrix(output, tokens, outputs),
      qlinear::matrix(act_q, tokens, inputs),      qlinear::vector(act_scale, tokens)};
  const qlinear::Status status = plan.run(stream, workspace, args);
  if (!status.ok()) return fail(status);

  bf16 first;
  cudaMemcpyAsync(&first, output, sizeof(first), cudaMemcpyDeviceToHost, stream);
  cudaStreamSynchronize(stream);
  std::printf("%s: output[0] = %g\n", plan.sku().name, __bfloat162float(first));

  for (void* memory : std::initializer_list<void*>{activation, weight, weight_scale, output, act_q,
                                                   act_scale, workspace.data}) {
    cudaFree(memory);
  }
  cudaStreamDestroy(stream);
}
