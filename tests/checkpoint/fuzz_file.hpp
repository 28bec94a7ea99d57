#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace qlinear::test {

/// A file in a folder of this process, in memory where there is /dev/shm. It is written again for
/// every input, so it is kept open. The folder goes when the process ends as it should.
class FuzzFile {
 public:
  explicit FuzzFile(const std::string& name) : path_(folder() / name) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0) std::abort();
  }
  FuzzFile(const FuzzFile&) = delete;
  FuzzFile& operator=(const FuzzFile&) = delete;
  ~FuzzFile() {
    ::close(descriptor_);
    std::error_code ignored;
    std::filesystem::remove_all(path_.parent_path(), ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  void write(const std::uint8_t* data, std::size_t size) const {
    const auto bytes = static_cast<ssize_t>(size);
    if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, data, size, 0) != bytes) {
      std::abort();
    }
  }

 private:
  static std::filesystem::path folder() {
    const bool shm = std::filesystem::is_directory("/dev/shm");
    const std::filesystem::path parent = shm ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::filesystem::path path = parent / ("qlinear_fuzz." + std::to_string(::getpid()));
    std::filesystem::create_directories(path);
    return path;
  }

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace qlinear::test
