#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace qlinear::test {

/// A file that breaks the rules of the format; the message says where and how.
class SafetensorsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One tensor of a `SafetensorsFile`, row-major and without padding. The bytes are little-endian,
/// have no alignment, and live as long as the file object.
struct SafetensorsTensor {
  std::string dtype;                ///< As the format spells it: "F16", "BF16", "F32", ...
  std::vector<std::int64_t> shape;  ///< Empty for a scalar.
  std::span<const std::byte> bytes;
};

/// Reader of the safetensors format (https://github.com/huggingface/safetensors): a 64-bit header
/// length, a JSON header, and the tensors' bytes, which must fill the rest of the file without
/// holes or overlaps. Whatever the format forbids is refused with a `SafetensorsError`.
class SafetensorsFile {
 public:
  static SafetensorsFile read(const std::filesystem::path& path);
  static SafetensorsFile parse(std::vector<std::byte> content);

  /// Throws a `SafetensorsError` that lists the names there are, if `name` is not one of them.
  SafetensorsTensor tensor(const std::string& name) const;

  std::vector<std::string> names() const;
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

 private:
  struct Entry {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::size_t begin;  ///< Of the bytes, counted from the first after the header.
    std::size_t end;
  };
  class HeaderReader;

  std::span<const std::byte> data() const { return std::span(content_).subspan(data_begin_); }

  std::vector<std::byte> content_;
  std::size_t data_begin_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace qlinear::test
