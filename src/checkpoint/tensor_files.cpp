#include <qlinear/checkpoint/safetensors.hpp>

#include <checkpoint/failure.hpp>
#include <checkpoint/file.hpp>
#include <checkpoint/json_text.hpp>
#include <checkpoint/safetensors_header.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <system_error>
#include <utility>

namespace qlinear::checkpoint {

struct TensorFiles::State {
  struct Entry {
    detail::HeaderEntry tensor;
    std::size_t file = 0;
  };

  std::filesystem::path folder;
  std::vector<std::filesystem::path> files;
  std::vector<std::shared_ptr<const detail::MappedFile>> mapped;  ///< The content of `files`.
  std::map<std::string, Entry, std::less<>> tensors;
  std::vector<std::string> names;
  std::map<std::string, std::string> metadata;
};

namespace {

namespace fs = std::filesystem;
constexpr const char* kIndexName = "model.safetensors.index.json";

/// Which file of a folder holds a tensor.
using ShardOfTensor = std::map<std::string, std::string>;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

void check_shard_name(const std::string& name, const std::string& where) {
  const fs::path path(name);
  const bool leaves = path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
  if (name.empty() || leaves || name.find('\0') != std::string::npos) {
    detail::fail(where + " names the file " + detail::in_quotes(name) +
                 ", which is not in its folder; expected the name of a file there");
  }
}

ShardOfTensor read_index(const fs::path& path) {
  const std::string where = detail::in_quotes(path.native());
  const detail::json index =
      detail::parse_json(detail::read_text(path, detail::kMaxJsonBytes), where);
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    detail::fail(where + " has no object weight_map");
  }
  ShardOfTensor shards;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) {
      detail::fail(where + " has for tensor " + detail::in_quotes(name) + " no name of a file");
    }
    check_shard_name(shard.get_ref<const std::string&>(), where);
    shards.emplace(name, shard.get<std::string>());
  }
  return shards;
}

/// The file of a folder without an index.
fs::path single_file(const fs::path& folder) {
  fs::path named = folder / "model.safetensors";
  if (is_present(named)) return named;
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".safetensors") found.push_back(entry->path());
  }
  if (error) {
    detail::fail("cannot list " + detail::in_quotes(folder.native()) + ": " + error.message());
  }
  if (found.size() != 1) {
    detail::fail(detail::in_quotes(folder.native()) + " holds " + std::to_string(found.size()) +
                 " files *.safetensors and neither " + kIndexName +
                 " nor model.safetensors; expected one of these, or one file");
  }
  return found.front();
}

std::size_t common_ends(std::string_view a, std::string_view b) {
  const std::size_t length = std::min(a.size(), b.size());
  std::size_t begin = 0;
  while (begin < length && a[begin] == b[begin]) ++begin;
  std::size_t end = 0;
  while (end < length - begin && a[a.size() - 1 - end] == b[b.size() - 1 - end]) ++end;
  return begin + end;
}

/// The names of `names` that share most of their start and end with `name`, for a message.
std::string similar_names(const std::vector<std::string>& names, std::string_view name) {
  constexpr std::size_t kMost = 3;
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  ranked.reserve(names.size());
  for (const std::string& other : names) ranked.emplace_back(common_ends(name, other), other);
  const std::size_t count = std::min(kMost, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                    ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "" : ", ") + detail::in_quotes(ranked[i].second);
  }
  return text;
}

}  // namespace

/// Fills a state.
class TensorFiles::Opener {
 public:
  static std::shared_ptr<const State> open(const fs::path& path) {
    Opener opener;
    if (!is_folder(path)) {
      opener.state_->folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
      opener.add_file(path);
    } else {
      opener.state_->folder = path;
      opener.add_folder();
    }
    for (const auto& [name, entry] : opener.state_->tensors) opener.state_->names.push_back(name);
    return opener.state_;
  }

 private:
  void add_folder() {
    const fs::path index = state_->folder / kIndexName;
    if (!is_present(index)) return add_file(single_file(state_->folder));
    shards_ = read_index(index);
    std::map<std::string, std::size_t> files;
    for (const auto& [name, shard] : shards_) files.emplace(shard, 0);
    for (const auto& [shard, unused] : files) add_file(state_->folder / shard);
    check_index(index);
  }

  void add_file(const fs::path& path) {
    const std::string where = detail::in_quotes(path.native());
    auto mapped = detail::MappedFile::open(path);
    detail::SafetensorsHeader header = detail::read_header(mapped->bytes(), where);
    const std::size_t file = state_->files.size();
    state_->files.push_back(path);
    state_->mapped.push_back(std::move(mapped));
    state_->metadata.merge(header.metadata);
    for (auto& [name, entry] : header.tensors) {
      if (belongs_elsewhere(name, path)) continue;
      if (!state_->tensors.emplace(name, State::Entry{std::move(entry), file}).second) {
        detail::fail("tensor " + detail::in_quotes(name) + " is in " + where +
                     " and in another file, and the index does not say which counts");
      }
    }
  }

  /// Of two files with a tensor, the index says which one counts.
  bool belongs_elsewhere(const std::string& name, const fs::path& path) const {
    const auto shard = shards_.find(name);
    return shard != shards_.end() && state_->folder / shard->second != path;
  }

  void check_index(const fs::path& index) const {
    for (const auto& [name, shard] : shards_) {
      if (state_->tensors.contains(name)) continue;
      detail::fail(detail::in_quotes(index.native()) + " says that " + detail::in_quotes(shard) +
                   " holds tensor " + detail::in_quotes(name) + ", which it does not");
    }
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
  ShardOfTensor shards_;
};

Result<TensorFiles> TensorFiles::open(const std::filesystem::path& path) noexcept {
  return detail::without_exceptions(
      [&]() -> Result<TensorFiles> { return TensorFiles(Opener::open(path)); });
}

const std::vector<std::string>& TensorFiles::names() const& noexcept { return state_->names; }

bool TensorFiles::contains(std::string_view name) const noexcept {
  return state_->tensors.find(name) != state_->tensors.end();
}

Result<Tensor> TensorFiles::find(std::string_view name) const noexcept {
  return detail::without_exceptions([&]() -> Result<Tensor> {
    const auto found = state_->tensors.find(name);
    if (found == state_->tensors.end()) {
      detail::fail("there is no tensor " + detail::in_quotes(name) + " in " +
                   detail::in_quotes(state_->folder.native()) + "; similar names are " +
                   similar_names(state_->names, name));
    }
    const detail::HeaderEntry& entry = found->second.tensor;
    const auto& file = state_->mapped[found->second.file];
    Tensor tensor;
    tensor.dtype = entry.dtype;
    tensor.shape = entry.shape;
    tensor.bytes = entry.end - entry.begin;
    tensor.where = "tensor " + detail::in_quotes(name) + " of " +
                   detail::in_quotes(state_->files[found->second.file].native());
    const std::byte* bytes = file->bytes().data() + entry.begin;
    if (entry.begin % dtype_bytes(entry.dtype) == 0) {
      tensor.data = {file, bytes};
    } else {
      const auto copy = std::make_shared<const std::vector<std::byte>>(bytes, bytes + tensor.bytes);
      tensor.data = {copy, copy->data()};
    }
    return tensor;
  });
}

const std::filesystem::path& TensorFiles::folder() const& noexcept { return state_->folder; }

const std::vector<std::filesystem::path>& TensorFiles::files() const& noexcept {
  return state_->files;
}

const std::map<std::string, std::string>& TensorFiles::metadata() const& noexcept {
  return state_->metadata;
}

}  // namespace qlinear::checkpoint
