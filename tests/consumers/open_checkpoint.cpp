// Writes a checkpoint of one layer to a folder, and opens it.

#include <qlinear/checkpoint/checkpoint.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

int main() {
  using qlinear::checkpoint::Checkpoint;
  using qlinear::checkpoint::Dtype;
  using qlinear::checkpoint::make_tensor;
  const std::filesystem::path folder = "checkpoint";
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "config.json")
      << R"({"quantization_config":{"quant_method":"w8a8_int8"}})";
  const qlinear::Status written = write_safetensors(
      folder / "model.safetensors",
      std::vector<qlinear::checkpoint::NamedTensor>{
          {"layer.weight", make_tensor<std::int8_t>(Dtype::I8, {2, 1}, {3, -4})},
          {"layer.weight_scale", make_tensor<float>(Dtype::F32, {2, 1}, {0.5F, 0.25F})}});
  const auto checkpoint = Checkpoint::open(folder);
  if (!written.ok() || !checkpoint.ok()) return 1;
  const auto layer = checkpoint.value().linear("layer");
  if (!layer.ok()) return 1;
  std::printf("%s: [%d, %d]\n", to_string(checkpoint.value().convention()),
              static_cast<int>(layer.value().n), static_cast<int>(layer.value().k));
  const bool right = layer.value().weight.get()[1] == -4 && layer.value().weight_scale[1] == 0.25F;
  return right ? 0 : 1;
}
