#include <checkpoint/failure.hpp>
#include <checkpoint/file.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace qlinear::checkpoint::detail {
namespace {

[[noreturn]] void fail_system(const std::string& action, const std::filesystem::path& path) {
  const std::string reason = std::generic_category().message(errno);
  fail("cannot " + action + " " + in_quotes(path.native()) + ": " + reason);
}

/// An open regular file.
class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      // A pipe would wait for its writer.
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) fail_system("open", path);
    struct stat facts {};
    const int failed = ::fstat(descriptor_, &facts);
    if (failed == 0 && S_ISREG(facts.st_mode)) {
      size_ = static_cast<std::size_t>(facts.st_size);
      return;
    }
    ::close(descriptor_);
    if (failed != 0) fail_system("examine", path);
    fail(in_quotes(path.native()) +
         " is no regular file; pass a file, or the folder of a checkpoint");
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { ::close(descriptor_); }

  std::size_t size() const noexcept { return size_; }

  const std::byte* map() const {
    if (size_ == 0) return nullptr;
    void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
    if (data == MAP_FAILED) fail_system("map", path_);
    return static_cast<const std::byte*>(data);
  }

  std::string read() const {
    std::string text(size_, '\0');
    std::size_t filled = 0;
    while (filled < size_) {
      const ssize_t count = ::read(descriptor_, text.data() + filled, size_ - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_system("read", path_);
      if (count == 0) fail(in_quotes(path_.native()) + " became shorter while it was read");
      filled += static_cast<std::size_t>(count);
    }
    return text;
  }

 private:
  const std::filesystem::path& path_;
  int descriptor_;
  std::size_t size_ = 0;
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const OpenFile file(path);
  const std::byte* data = file.map();
  try {
    return std::shared_ptr<const MappedFile>(new MappedFile(data, file.size()));
  } catch (...) {
    if (data != nullptr) ::munmap(const_cast<std::byte*>(data), file.size());
    throw;
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_text(const std::filesystem::path& path, std::size_t limit) {
  const OpenFile file(path);
  if (file.size() > limit) {
    fail(in_quotes(path.native()) + " has " + std::to_string(file.size()) + " bytes; at most " +
         std::to_string(limit) + " are read");
  }
  return file.read();
}

}  // namespace qlinear::checkpoint::detail
