#pragma once

#include <qlinear/checkpoint/checkpoint.hpp>

#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace qlinear::test {

/// An empty folder that is gone with its content when this is.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("qlinear_checkpoint." + std::to_string(::getpid()) + "." + std::to_string(count++));
    std::filesystem::create_directory(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream stream(path_ / name, std::ios::binary);
    stream << content;
    if (!stream) throw std::runtime_error("cannot write " + name);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// The bytes of a file whose header claims to have `length` bytes.
inline std::string file_claiming(std::uint64_t length, const std::string& rest) {
  std::string prefix;
  for (int i = 0; i < 8; ++i) prefix.push_back(static_cast<char>(length >> 8 * i));
  return prefix + rest;
}

inline std::string file_of(const std::string& header, const std::string& data = "") {
  return file_claiming(header.size(), header + data);
}

inline checkpoint::NamedTensor int8_tensor(std::string name, std::vector<std::int64_t> shape,
                                           std::vector<std::int8_t> values) {
  return {std::move(name),
          checkpoint::make_tensor(checkpoint::Dtype::I8, std::move(shape), std::move(values))};
}

inline checkpoint::NamedTensor f32_tensor(std::string name, std::vector<std::int64_t> shape,
                                          std::vector<float> values) {
  return {std::move(name),
          checkpoint::make_tensor(checkpoint::Dtype::F32, std::move(shape), std::move(values))};
}

/// Values that bf16 holds exactly.
inline checkpoint::NamedTensor bf16_tensor(std::string name, std::vector<std::int64_t> shape,
                                           const std::vector<float>& values) {
  std::vector<std::uint16_t> bits;
  bits.reserve(values.size());
  for (const float value : values) {
    bits.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  }
  return {std::move(name),
          checkpoint::make_tensor(checkpoint::Dtype::BF16, std::move(shape), std::move(bits))};
}

/// A folder with `config.json` and one file of tensors.
class CheckpointFolder : public TemporaryFolder {
 public:
  CheckpointFolder(const std::string& config, const std::vector<checkpoint::NamedTensor>& tensors) {
    if (!config.empty()) write("config.json", config);
    const Status status = write_safetensors(path() / "model.safetensors", tensors);
    if (!status.ok()) throw std::runtime_error(status.message());
  }
};

}  // namespace qlinear::test
