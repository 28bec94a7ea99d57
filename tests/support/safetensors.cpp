#include "support/safetensors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

namespace qlinear::test {
namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit

struct Dtype {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<Dtype, 15> kDtypes = {{
    {"BOOL", 1},
    {"U8", 1},
    {"I8", 1},
    {"F8_E5M2", 1},
    {"F8_E4M3", 1},
    {"I16", 2},
    {"U16", 2},
    {"F16", 2},
    {"BF16", 2},
    {"I32", 4},
    {"U32", 4},
    {"F32", 4},
    {"I64", 8},
    {"U64", 8},
    {"F64", 8},
}};

[[noreturn]] void fail(const std::string& what) { throw SafetensorsError("safetensors: " + what); }

std::uint64_t header_length(std::span<const std::byte> content) {
  if (content.size() < kLengthBytes) {
    fail("the file has " + std::to_string(content.size()) +
         " bytes, fewer than the 8 of its header length");
  }
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | std::to_integer<std::uint64_t>(content[i]);
  }
  const std::uint64_t available = content.size() - kLengthBytes;
  if (length > std::min(available, kMaxHeaderBytes)) {
    fail("header length " + std::to_string(length) + ", but " + std::to_string(available) +
         " bytes follow it and the format allows at most " + std::to_string(kMaxHeaderBytes));
  }
  return length;
}

/// The JSON library keeps the last of two equal keys; the format forbids them.
class DuplicateKeyCheck {
 public:
  bool operator()(int /*depth*/, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key && !keys_.back().insert(parsed).second) {
      fail("the header has the key " + parsed.dump() + " twice in one object");
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

json parse_header(std::string_view text) {
  if (text.empty() || text.front() != '{') fail("the header does not start with '{'");
  try {
    return json::parse(text, DuplicateKeyCheck{});
  } catch (const json::parse_error& error) {
    fail(std::string("the header is not JSON: ") + error.what());
  }
}

}  // namespace

/// Turns the parsed header into the members of a `SafetensorsFile`.
class SafetensorsFile::HeaderReader {
 public:
  explicit HeaderReader(SafetensorsFile& file) : file_(file) {}

  void read(const json& header) {
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(value);
      } else {
        name_ = name;
        file_.entries_.emplace(name, read_entry(value));
      }
    }
    check_layout();
  }

 private:
  [[noreturn]] void fail_entry(const std::string& what) const {
    fail("tensor \"" + name_ + "\": " + what);
  }

  void read_metadata(const json& value) {
    if (!value.is_object()) fail("__metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail("__metadata__ entry \"" + key + "\" is not a string");
      file_.metadata_.emplace(key, text.get<std::string>());
    }
  }

  Entry read_entry(const json& value) const {
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
        !value.contains("shape") || !value.contains("data_offsets")) {
      fail_entry("expected exactly dtype, shape and data_offsets, got " + value.dump());
    }
    const std::vector<std::uint64_t> offsets = read_integers(value["data_offsets"], "data_offsets");
    if (offsets.size() != 2) fail_entry("data_offsets does not hold two numbers");
    const std::vector<std::uint64_t> shape = read_integers(value["shape"], "shape");
    const std::uint64_t bytes = tensor_bytes(value["dtype"], shape);
    check_offsets(offsets[0], offsets[1], bytes);
    return {value["dtype"], {shape.begin(), shape.end()}, offsets[0], offsets[1]};
  }

  std::vector<std::uint64_t> read_integers(const json& value, const std::string& key) const {
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const auto is_size = [](const json& number) {
      return number.is_number_unsigned() && number.get<std::uint64_t>() <= kMax;
    };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_size)) {
      fail_entry(key + " is not a list of non-negative 63-bit integers: " + value.dump());
    }
    return value.get<std::vector<std::uint64_t>>();
  }

  std::uint64_t tensor_bytes(const json& dtype, const std::vector<std::uint64_t>& shape) const {
    const auto* known = std::find_if(kDtypes.begin(), kDtypes.end(),
                                     [&](const Dtype& entry) { return dtype == entry.name; });
    if (known == kDtypes.end()) fail_entry("unknown dtype " + dtype.dump());
    if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return 0;
    std::uint64_t bytes = known->bytes;
    for (const std::uint64_t extent : shape) {
      if (bytes > std::numeric_limits<std::uint64_t>::max() / extent) {
        fail_entry("its shape overflows 64 bits");
      }
      bytes *= extent;
    }
    return bytes;
  }

  void check_offsets(std::uint64_t begin, std::uint64_t end, std::uint64_t bytes) const {
    const std::string offsets =
        "data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "]";
    if (begin > end || end > file_.data().size()) {
      fail_entry(offsets + " lie outside the " + std::to_string(file_.data().size()) +
                 " bytes of data");
    }
    if (end - begin != bytes) {
      fail_entry(offsets + " span " + std::to_string(end - begin) + " bytes, but its dtype and " +
                 "shape need " + std::to_string(bytes));
    }
  }

  void check_layout() const {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (const auto& [name, entry] : file_.entries_) ranges.emplace_back(entry.begin, entry.end);
    std::sort(ranges.begin(), ranges.end());
    std::size_t filled = 0;
    for (const auto& [begin, end] : ranges) {
      if (begin != filled) {
        fail(std::string("the data has ") + (begin < filled ? "an overlap" : "a hole") +
             " at byte " + std::to_string(std::min(begin, filled)));
      }
      filled = end;
    }
    if (filled != file_.data().size()) {
      fail("the data has " + std::to_string(file_.data().size() - filled) +
           " bytes behind the last tensor");
    }
  }

  SafetensorsFile& file_;
  std::string name_;
};

SafetensorsFile SafetensorsFile::parse(std::vector<std::byte> content) {
  const std::uint64_t length = header_length(content);
  const std::string_view text(reinterpret_cast<const char*>(content.data()) + kLengthBytes, length);
  const json header = parse_header(text);
  SafetensorsFile file;
  file.content_ = std::move(content);
  file.data_begin_ = kLengthBytes + length;
  HeaderReader(file).read(header);
  return file;
}

SafetensorsFile SafetensorsFile::read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail("cannot open " + path.string());
  std::vector<std::byte> content(std::filesystem::file_size(path));
  stream.read(reinterpret_cast<char*>(content.data()),
              static_cast<std::streamsize>(content.size()));
  if (!stream) fail("cannot read " + path.string());
  try {
    return parse(std::move(content));
  } catch (const SafetensorsError& error) {
    throw SafetensorsError(path.string() + ": " + error.what());
  }
}

SafetensorsTensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    std::string known;
    for (const std::string& other : names()) known += " \"" + other + "\"";
    fail("there is no tensor \"" + name + "\"; there are:" + known);
  }
  const Entry& entry = found->second;
  return {entry.dtype, entry.shape, data().subspan(entry.begin, entry.end - entry.begin)};
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> result;
  std::transform(entries_.begin(), entries_.end(), std::back_inserter(result),
                 [](const auto& entry) { return entry.first; });
  return result;
}

}  // namespace qlinear::test
