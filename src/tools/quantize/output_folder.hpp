#pragma once

#include <filesystem>

namespace qlinear::tools {

/// A folder that is there as a whole or not at all: it is filled under a temporary name beside its
/// own, `NAME.tmp-XXXXXX`, and renamed by `commit`. Without that call it is removed.
class OutputFolder {
 public:
  /// Throws a Failure where `path` exists, unless it is an empty folder or `force` says that it may
  /// be replaced. Even then it must be a folder with a config.json, and not hold `source`.
  OutputFolder(const std::filesystem::path& path, const std::filesystem::path& source, bool force);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  /// Where to write until then.
  const std::filesystem::path& temporary() const noexcept { return temporary_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool replaces_ = false;
  bool committed_ = false;
};

}  // namespace qlinear::tools
