#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace qlinear::checkpoint::detail {

/// A regular file, mapped read-only as it was when it was opened.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  /// Begins at the start of a page.
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}

  const std::byte* data_;
  std::size_t size_;
};

/// The content of a regular file of at most `limit` bytes.
std::string read_text(const std::filesystem::path& path, std::size_t limit);

}  // namespace qlinear::checkpoint::detail
