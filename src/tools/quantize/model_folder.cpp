#include "quantize/model_folder.hpp"

#include "support/failure.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <utility>

namespace qlinear::tools {
namespace {

namespace fs = std::filesystem;

Json read_config(const fs::path& path) {
  std::ifstream stream(path);
  if (!stream) {
    throw Failure(
        fmt::format("there is no {}; give the folder of a model as it is published, with "
                    "config.json beside its safetensors files",
                    path.string()));
  }
  Json config = Json::parse(stream, nullptr, false);
  if (!config.is_object()) {
    throw Failure(
        fmt::format("{} is no JSON object (Infinity and NaN, which Python writes, are no JSON, "
                    "either); fetch the file again, or write null or a number for those",
                    path.string()));
  }
  return config;
}

bool is_safetensors(std::string_view name) {
  return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
}

/// The same weights in another format, as floats.
bool holds_other_weights(std::string_view name) {
  constexpr std::array kSuffixes{".bin", ".bin.index.json", ".pt",     ".pth",  ".ckpt",
                                 ".h5",  ".msgpack",        ".gguf",   ".onnx", ".onnx_data",
                                 ".ot",  ".tflite",         ".mlmodel"};
  return std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [&](const char* suffix) { return name.ends_with(suffix); });
}

bool is_hidden(const fs::path& path) { return path.filename().string().front() == '.'; }

}  // namespace

ModelFolder::ModelFolder(fs::path path, std::shared_ptr<const Json> config,
                         checkpoint::TensorFiles tensors)
    : path_(std::move(path)), config_(std::move(config)), tensors_(std::move(tensors)) {}

ModelFolder ModelFolder::open(const fs::path& path) {
  if (!fs::is_directory(path)) {
    throw Failure(
        fmt::format("{} is no folder; give the folder of a model as it is published, with "
                    "config.json and safetensors files",
                    path.string()));
  }
  auto config = std::make_shared<const Json>(read_config(path / "config.json"));
  ModelFolder model(path, std::move(config), value_of(checkpoint::TensorFiles::open(path)));
  for (const char* key : {"quantization_config", "compression_config"}) {
    if (!model.setting(key).is_null()) {
      throw Failure(
          fmt::format("{} is quantized already: its config.json has a {}; quantize the "
                      "float model that it was made from",
                      path.string(), key));
    }
  }
  if (model.model_type() == "gpt2") {
    throw Failure(
        "model_type gpt2 stores its layers as Conv1D, [K, N], which the targets of a "
        "compressed-tensors checkpoint do not mean; there is no way around it here");
  }
  return model;
}

const Json& ModelFolder::setting(const char* name) const {
  static const Json null;
  if (const auto found = config_->find(name); found != config_->end()) return *found;
  const auto text = config_->find("text_config");
  if (text == config_->end() || !text->is_object()) return null;
  const auto found = text->find(name);
  return found == text->end() ? null : *found;
}

std::string ModelFolder::model_type() const {
  const Json& type = setting("model_type");
  return type.is_string() ? type.get<std::string>() : "";
}

std::int64_t ModelFolder::vocabulary() const {
  const Json& size = setting("vocab_size");
  return size.is_number_integer() ? size.get<std::int64_t>() : 0;
}

bool ModelFolder::ties_embeddings() const {
  const Json& ties = setting("tie_word_embeddings");
  return ties.is_boolean() && ties.get<bool>();
}

std::vector<std::int64_t> ModelFolder::expert_counts() const {
  std::vector<std::int64_t> counts;
  const auto add = [&](const Json& config, const char* key) {
    const auto count = config.find(key);
    if (count != config.end() && count->is_number_integer()) {
      counts.push_back(count->get<std::int64_t>());
    }
  };
  for (const Json* config : {&*config_, &setting("text_config"), &setting("ffn_config")}) {
    if (!config->is_object()) continue;
    for (const char* key :
         {"num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"}) {
      add(*config, key);
    }
  }
  return counts;
}

namespace {

/// Copies `from`, a folder within the model, with all that it holds; what is left out goes to
/// `left_out`, from `name` on.
void copy_folder(const fs::path& from, const fs::path& to, const fs::path& name,
                 std::vector<std::string>& left_out);

void copy_entry(const fs::directory_entry& entry, const fs::path& to, const fs::path& name,
                std::vector<std::string>& left_out) {
  const bool is_folder = entry.is_directory() && !entry.is_symlink();
  if (holds_other_weights(name.filename().string()) || !(is_folder || entry.is_regular_file())) {
    left_out.push_back(name.string());
  } else if (is_folder) {
    copy_folder(entry.path(), to, name, left_out);
  } else {
    fs::copy_file(entry.path(), to);
  }
}

void copy_folder(const fs::path& from, const fs::path& to, const fs::path& name,
                 std::vector<std::string>& left_out) {
  fs::create_directory(to);
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    const fs::path inner = entry.path().filename();
    if (!is_hidden(inner)) copy_entry(entry, to / inner, name / inner, left_out);
  }
}

}  // namespace

std::vector<std::string> copy_other_files(const fs::path& from, const fs::path& to) {
  std::vector<std::string> left_out;
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    const fs::path name = entry.path().filename();
    if (is_hidden(name) || name == "config.json" || is_safetensors(name.string())) continue;
    copy_entry(entry, to / name, name, left_out);
  }
  std::sort(left_out.begin(), left_out.end());
  return left_out;
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream stream(path, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) {
    throw Failure(fmt::format("{} cannot be written; is the disk full?", path.string()));
  }
}

}  // namespace qlinear::tools
