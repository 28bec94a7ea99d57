#include <qlinear/checkpoint/safetensors.hpp>

#include <checkpoint/failure.hpp>
#include <checkpoint/json_text.hpp>
#include <checkpoint/safetensors_header.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <set>
#include <span>
#include <system_error>

namespace qlinear::checkpoint {
namespace {

/// A file that has its name only once it is whole.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path) : path_(path) {
    static std::atomic<unsigned> count{0};
    do {  // A run that was killed may have left a file of this name.
      temporary_ = path_;
      temporary_ += ".tmp." + std::to_string(::getpid()) + "." + std::to_string(count++);
      descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) fail_write();
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!renamed_) ::unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_write();
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }

  void finish() {
    if (::fsync(descriptor_) != 0) fail_write();
    const int failed = ::close(descriptor_);
    descriptor_ = -1;
    if (failed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) fail_write();
    renamed_ = true;
  }

 private:
  [[noreturn]] void fail_write() const {
    const std::string reason = std::generic_category().message(errno);
    detail::fail("cannot write " + detail::in_quotes(path_.native()) + ": " + reason);
  }

  const std::filesystem::path& path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

void check_tensors(const std::vector<NamedTensor>& tensors) {
  std::set<std::string_view> names{"__metadata__"};
  for (const auto& [name, tensor] : tensors) {
    const std::string where = "tensor " + detail::in_quotes(name);
    if (!names.insert(name).second) {
      detail::fail(where + " is given twice, or has a name that the format keeps to itself");
    }
    const std::size_t bytes = detail::tensor_bytes(tensor.dtype, tensor.shape, where);
    if (bytes != tensor.bytes) {
      detail::fail(where + " has " + std::to_string(tensor.bytes) +
                   " bytes, but its dtype and shape need " + std::to_string(bytes));
    }
  }
}

std::vector<const NamedTensor*> by_element_size(const std::vector<NamedTensor>& tensors) {
  std::vector<const NamedTensor*> order;
  order.reserve(tensors.size());
  for (const NamedTensor& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return dtype_bytes(a->tensor.dtype) > dtype_bytes(b->tensor.dtype);
  });
  return order;
}

/// With the spaces that let the data begin at a multiple of 8.
std::string header_of(const std::vector<const NamedTensor*>& order,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t begin = 0;
  for (const NamedTensor* named : order) {
    const std::size_t end = begin + named->tensor.bytes;
    header[named->name] = {{"dtype", to_string(named->tensor.dtype)},
                           {"shape", named->tensor.shape},
                           {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

Status write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                         const std::map<std::string, std::string>& metadata) noexcept {
  return detail::without_exceptions([&]() -> Status {
    check_tensors(tensors);
    const std::vector<const NamedTensor*> order = by_element_size(tensors);
    const std::string header = header_of(order, metadata);
    const std::uint64_t length = header.size();
    NewFile file(path);
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(std::as_bytes(std::span(header)));
    for (const NamedTensor* named : order) {
      file.write({named->tensor.data.get(), named->tensor.bytes});
    }
    file.finish();
    return {};
  });
}

}  // namespace qlinear::checkpoint
