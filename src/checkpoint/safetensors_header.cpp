#include <checkpoint/failure.hpp>
#include <checkpoint/json_text.hpp>
#include <checkpoint/safetensors_header.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace qlinear::checkpoint::detail {
namespace {

constexpr std::size_t kLengthBytes = sizeof(std::uint64_t);
constexpr auto kMaxSize = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
static_assert(std::endian::native == std::endian::little, "the format is little-endian");

std::string_view header_text(std::span<const std::byte> file, const std::string& where) {
  if (file.size() < kLengthBytes) {
    fail(
        where + " has " + std::to_string(file.size()) +
        " bytes, fewer than the 8 of the header's length: it is truncated, or no safetensors file");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof(length));
  if (length > kMaxJsonBytes) {
    fail(where + " has a header of " + std::to_string(length) + " bytes; the format allows " +
         std::to_string(kMaxJsonBytes) + ". It may be no safetensors file");
  }
  if (length > file.size() - kLengthBytes) {
    fail(where + " has a header of " + std::to_string(length) + " bytes, but " +
         std::to_string(file.size() - kLengthBytes) + " follow its length: it is truncated");
  }
  return {reinterpret_cast<const char*>(file.data()) + kLengthBytes, length};
}

std::optional<Dtype> dtype_of(const json& name) {
  if (!name.is_string()) return {};
  for (int i = 0; i <= static_cast<int>(Dtype::C64); ++i) {
    const auto dtype = static_cast<Dtype>(i);
    if (name.get_ref<const std::string&>() == to_string(dtype)) return dtype;
  }
  return {};
}

/// Turns the entry of one tensor into what it says.
class EntryReader {
 public:
  /// The data are the bytes of the file from `data_begin` to `file_end`.
  EntryReader(std::string where, std::size_t data_begin, std::size_t file_end)
      : where_(std::move(where)), data_begin_(data_begin), data_bytes_(file_end - data_begin) {}

  HeaderEntry read(const json& entry) const {
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
        !entry.contains("shape") || !entry.contains("data_offsets")) {
      fail(where_ + " should have dtype, shape and data_offsets, and has " + brief(entry));
    }
    const std::optional<Dtype> dtype = dtype_of(entry["dtype"]);
    if (!dtype) fail(where_ + " has the dtype " + brief(entry["dtype"]) + ", which is unknown");
    std::vector<std::int64_t> shape = integers(entry["shape"], "shape");
    const std::vector<std::int64_t> offsets = integers(entry["data_offsets"], "data_offsets");
    if (offsets.size() != 2) {
      fail(where_ + " should have two data_offsets, and has " + brief(entry["data_offsets"]));
    }
    const auto begin = static_cast<std::size_t>(offsets[0]);
    const auto end = static_cast<std::size_t>(offsets[1]);
    check_offsets(begin, end, tensor_bytes(*dtype, shape, where_));
    return {*dtype, std::move(shape), data_begin_ + begin, data_begin_ + end};
  }

 private:
  std::vector<std::int64_t> integers(const json& list, const std::string& key) const {
    const auto is_size = [](const json& number) {
      return number.is_number_unsigned() && number.get<std::uint64_t>() <= kMaxSize;
    };
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_size)) {
      fail(where_ + " has as " + key + " " + brief(list) +
           "; expected integers from 0 to 2^63 - 1");
    }
    return list.get<std::vector<std::int64_t>>();
  }

  void check_offsets(std::size_t begin, std::size_t end, std::size_t bytes) const {
    const std::string offsets =
        " has the data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "]";
    if (begin > end || end > data_bytes_) {
      fail(where_ + offsets + ", which leave the " + std::to_string(data_bytes_) +
           " bytes of data: the file is truncated or broken");
    }
    if (end - begin != bytes) {
      fail(where_ + offsets + " of " + std::to_string(end - begin) +
           " bytes, but its dtype and shape need " + std::to_string(bytes));
    }
  }

  std::string where_;
  std::size_t data_begin_;
  std::size_t data_bytes_;
};

std::map<std::string, std::string> read_metadata(const json& entry, const std::string& where) {
  if (!entry.is_object()) fail(where + " has a __metadata__ that is no object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : entry.items()) {
    if (!text.is_string())
      fail(where + " has in __metadata__ " + in_quotes(key) + ", which is no text");
    metadata.emplace(key, text.get<std::string>());
  }
  return metadata;
}

/// The bytes of the tensors must follow one another from `data_begin` to `file_end`.
void check_layout(const std::map<std::string, HeaderEntry>& tensors, std::size_t data_begin,
                  std::size_t file_end, const std::string& where) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  ranges.reserve(tensors.size());
  for (const auto& [name, entry] : tensors) ranges.emplace_back(entry.begin, entry.end);
  std::sort(ranges.begin(), ranges.end());
  std::size_t filled = data_begin;
  for (const auto& [begin, end] : ranges) {
    if (begin != filled) {
      fail(where + (begin < filled ? " has tensors that overlap" : " has a hole between tensors") +
           " at byte " + std::to_string(std::min(begin, filled) - data_begin) + " of its data");
    }
    filled = end;
  }
  if (filled != file_end) {
    fail(where + " has " + std::to_string(file_end - filled) + " bytes after its last tensor");
  }
}

}  // namespace

std::size_t tensor_bytes(Dtype dtype, const std::vector<std::int64_t>& shape,
                         const std::string& where) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::uint64_t bytes = dtype_bytes(dtype);
  for (const std::int64_t extent : shape) {
    if (extent < 0) fail(where + " has a negative size in its shape");
    if (bytes > kMaxSize / static_cast<std::uint64_t>(extent)) {
      fail(where + " has a shape whose bytes overflow 63 bits");
    }
    bytes *= static_cast<std::uint64_t>(extent);
  }
  return bytes;
}

SafetensorsHeader read_header(std::span<const std::byte> file, const std::string& where) {
  const std::string_view text = header_text(file, where);
  if (text.empty() || text.front() != '{') fail(where + " has a header that does not begin with {");
  const json header = parse_json(text, "the header of " + where);
  const std::size_t data_begin = kLengthBytes + text.size();
  SafetensorsHeader result;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      result.metadata = read_metadata(entry, where);
    } else {
      const EntryReader reader("tensor " + in_quotes(name) + " of " + where, data_begin,
                               file.size());
      result.tensors.emplace(name, reader.read(entry));
    }
  }
  check_layout(result.tensors, data_begin, file.size(), where);
  return result;
}

}  // namespace qlinear::checkpoint::detail
