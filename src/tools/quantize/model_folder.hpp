#pragma once

#include <nlohmann/json_fwd.hpp>
#include <qlinear/checkpoint/safetensors.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::tools {

using Json = nlohmann::ordered_json;  ///< Keys stay in the order of the file.

/// A folder with a model as it is published: `config.json`, safetensors files, a tokenizer.
class ModelFolder {
 public:
  /// Throws a Failure for a folder that cannot be read, is quantized already, or whose model has
  /// layers that are stored as another class than Linear.
  static ModelFolder open(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }
  const checkpoint::TensorFiles& tensors() const noexcept { return tensors_; }
  const Json& config() const noexcept { return *config_; }
  /// Of the configuration, or of its `text_config`; empty, 0 or false where there is none.
  std::string model_type() const;
  std::int64_t vocabulary() const;
  bool ties_embeddings() const;
  /// The numbers of experts that the configuration speaks of.
  std::vector<std::int64_t> expert_counts() const;
  /// A member of the configuration, or of its `text_config`; null where there is none.
  const Json& setting(const char* name) const;

 private:
  ModelFolder(std::filesystem::path path, std::shared_ptr<const Json> config,
              checkpoint::TensorFiles tensors);

  std::filesystem::path path_;
  std::shared_ptr<const Json> config_;
  checkpoint::TensorFiles tensors_;
};

/// Copies what is neither weights nor written anew: tokenizers, templates, licences, code. Returns
/// the names of weights in other formats that it leaves out.
std::vector<std::string> copy_other_files(const std::filesystem::path& from,
                                          const std::filesystem::path& to);

void write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace qlinear::tools
