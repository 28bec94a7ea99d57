// The checkpoint that README opens.

#include <qlinear/checkpoint/checkpoint.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using qlinear::checkpoint::Dtype;
using qlinear::checkpoint::make_tensor;

constexpr std::int64_t tokens = 3;

int fail(const qlinear::Status& status) {
  std::fprintf(stderr, "%s: %s\n", to_string(status.code()), status.message().c_str());
  return 1;
}

qlinear::Status write_model() {
  std::filesystem::create_directory("model");
  std::ofstream("model/config.json")
      << R"({"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"group_0":
             {"targets": ["Linear"], "format": "int-quantized",
              "weights": {"num_bits": 8, "type": "int", "strategy": "channel"},
              "input_activations": {"num_bits": 8, "strategy": "token", "dynamic": true}}}}})";
  const std::string mlp = "model.layers.0.mlp.";
  std::vector<qlinear::checkpoint::NamedTensor> tensors;
  for (const std::string& name : {mlp + "gate_proj", mlp + "up_proj"}) {
    tensors.push_back(
        {name + ".weight", make_tensor<std::int8_t>(Dtype::I8, {2, 3}, {1, 2, 3, 4, 5, 6})});
    tensors.push_back({name + ".weight_scale", make_tensor<float>(Dtype::F32, {2, 1}, {1, 2})});
  }
  return write_safetensors("model/model.safetensors", tensors);
}

}  // namespace

int main() {
  const qlinear::Status written = write_model();
  if (!written.ok()) return fail(written);
#include "checkpoint.inc"
  return problem.c_out == 4 && problem.k == 3 && problem.m == tokens ? 0 : 1;
}
