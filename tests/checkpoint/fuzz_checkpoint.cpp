// The first line is config.json, what follows is the file of tensors. Every layer of what is taken
// is read, and described.

#include "checkpoint/fuzz_file.hpp"

#include <qlinear/checkpoint/checkpoint.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using qlinear::checkpoint::Checkpoint;
using qlinear::checkpoint::Convention;
using qlinear::checkpoint::QuantizedLinear;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const QuantizedLinear& layer) {
  const auto n = static_cast<std::size_t>(layer.n);
  const auto k = static_cast<std::size_t>(layer.k);
  require(layer.n > 0 && layer.k > 0 && layer.weight_scale.size() == n);
  require(layer.weight_zero_point.empty() || layer.weight_zero_point.size() == n);
  require(layer.bias.empty() || layer.bias.size() == n);
  require(layer.column_factor.empty() || layer.column_factor.size() == k);
  // Reads every weight, for a sanitizer to see that it is there.
  require(std::max_element(layer.weight.get(), layer.weight.get() + n * k) != nullptr);
  static_cast<void>(descriptor_of(layer, 1));
  require(slice_columns(layer, layer.k - 1, layer.k).ok());
}

void read(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const auto& layer : checkpoint.layers()) {
    const auto result = checkpoint.linear(layer.name);
    require(layer.quantized || !result.ok());
    if (!result.ok()) continue;
    check(result.value());
    names.push_back(layer.name);
  }
  const auto fused = checkpoint.fused_linear(names);
  if (fused.ok()) check(fused.value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const qlinear::test::FuzzFile config("config.json");
  static const qlinear::test::FuzzFile tensors("model.safetensors");
  const std::uint8_t* line_end = std::find(data, data + size, '\n');
  const std::uint8_t* file = line_end == data + size ? line_end : line_end + 1;
  config.write(data, static_cast<std::size_t>(line_end - data));
  tensors.write(file, static_cast<std::size_t>(data + size - file));
  for (const Convention convention : {Convention::Detect, Convention::W8A8Int8}) {
    const auto checkpoint = Checkpoint::open(config.path().parent_path(), convention);
    if (checkpoint.ok()) {
      read(checkpoint.value());
    } else {
      require(!checkpoint.status().message().empty());
    }
  }
  return 0;
}
