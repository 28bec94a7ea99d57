#include <selection/tuning_table.hpp>

#include <api/log.hpp>
#include <base/format.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace qlinear::detail {
namespace {

constexpr const char* kTableVariable = "QLINEAR_TUNING_TABLE";
constexpr std::string_view kFirstLine = "qlinear tuning table 1";
constexpr std::string_view kLegend =
    "# GPU SMs activation weight N K M kernel split_k [quantize_kernel]";
constexpr std::array kElements = {ElementKind::F16, ElementKind::BF16, ElementKind::F32,
                                  ElementKind::F64, ElementKind::S8,   ElementKind::U8};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes from `text` what is ahead of the first character that `ends` it, and that character.
template <class Ends>
std::string_view take_until(std::string_view& text, const Ends& ends) {
  const auto end = std::find_if(text.begin(), text.end(), ends);
  const auto length = static_cast<std::size_t>(end - text.begin());
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return taken;
}

std::string_view take_line(std::string_view& text) {
  return take_until(text, [](char c) { return c == '\n'; });
}

std::string_view without_comment(std::string_view line) {
  return trimmed(line.substr(0, std::min(line.find('#'), line.size())));
}

/// A whole decimal number that is at least `least`.
template <class Number>
bool parse(std::string_view text, Number least, Number& number) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc() && result.ptr == end && number >= least;
}

bool parse_capability(std::string_view text, int& architecture) {
  const std::string_view major_text = take_until(text, [](char c) { return c == '.'; });
  int major = 0;
  int minor = 0;
  constexpr int kLargestMajor = 1000;
  if (!parse(major_text, 1, major) || major > kLargestMajor) return false;
  if (!parse(text, 0, minor) || minor > 9) return false;
  architecture = major * 10 + minor;
  return true;
}

bool parse_element(std::string_view text, ElementKind& element) {
  const auto* const found = std::find_if(kElements.begin(), kElements.end(),
                                         [&](ElementKind kind) { return text == to_string(kind); });
  if (found == kElements.end()) return false;
  element = *found;
  return true;
}

/// "7", or "1-16" with both ends.
bool parse_range(std::string_view text, std::int64_t& first, std::int64_t& last) {
  const bool is_range = text.find('-') != std::string_view::npos;
  const std::string_view first_text = take_until(text, [](char c) { return c == '-'; });
  if (!parse<std::int64_t>(first_text, 1, first)) return false;
  last = first;
  return !is_range || parse(text, first, last);
}

struct ParsedLine {
  TuningKey key;
  TuningEntry entry;
};

/// Why no GPU of `architecture` runs `kernel`; empty if they do.
template <class Kernel>
std::string code_obstacle(const Kernel& kernel, int architecture) {
  if (families_on(architecture).contains(kernel.family)) return {};
  return formatted("{} was compiled for {} alone, which compute capability {}.{} does not run",
                   kernel.name, compiled_for(kernel.family), architecture / 10, architecture % 10);
}

/// Why no GPU of the entry's compute capability can do what it asks for; empty if one might.
std::string obstacle(const TuningKey& key, const TuningEntry& entry) {
  const GemmKernel& kernel = *entry.kernel;
  std::string code = code_obstacle(kernel, key.architecture);
  if (code.empty() && entry.quantize_kernel != nullptr) {
    code = code_obstacle(*entry.quantize_kernel, key.architecture);
  }
  if (!code.empty()) return code;
  if (!kernel.types.contains(key.activation_element, key.weight_element)) {
    return formatted("{} was not compiled for {} activations with {} weights", kernel.name,
                     to_string(key.activation_element), to_string(key.weight_element));
  }
  if (entry.split_k > kernel.max_split_k ||
      (entry.split_k > 1 && key.k <= std::int64_t{entry.split_k - 1} * kernel.tile_k)) {
    return formatted("{} cannot split K = {} into {} slices", kernel.name, key.k, entry.split_k);
  }
  return {};
}

/// Fills in `parsed`. What is wrong with the line, or nothing.
std::string parse_entry(std::string_view line, ParsedLine& parsed) {
  constexpr std::size_t kFields = 9;
  std::array<std::string_view, kFields + 1> fields;
  std::size_t count = 0;
  for (; !line.empty(); line = trimmed(line), ++count) {
    const std::string_view field = take_until(line, is_blank);
    if (count < fields.size()) fields[count] = field;
  }
  if (count != kFields && count != kFields + 1) {
    return formatted("it has {} fields, and an entry has {}, or {} with a quantize kernel", count,
                     kFields, kFields + 1);
  }
  auto& [key, entry] = parsed;
  const auto wrong = [](std::string_view field, const char* expected) {
    return formatted("\"{}\" is not {}", field, expected);
  };
  if (!parse_capability(fields[0], key.architecture)) {
    return wrong(fields[0], "a compute capability such as 9.0");
  }
  if (!parse(fields[1], 1, key.num_sms)) return wrong(fields[1], "a number of SMs");
  if (!parse_element(fields[2], key.activation_element)) {
    return wrong(fields[2], "a type of activations");
  }
  if (!parse_element(fields[3], key.weight_element)) return wrong(fields[3], "a type of weights");
  if (!parse<std::int64_t>(fields[4], 1, key.n)) return wrong(fields[4], "an N");
  if (!parse<std::int64_t>(fields[5], 1, key.k)) return wrong(fields[5], "a K");
  if (!parse_range(fields[6], entry.first_m, entry.last_m)) {
    return wrong(fields[6], "an M or a range of M such as 1-16");
  }
  entry.kernel = find_gemm_kernel(fields[7]);
  if (entry.kernel == nullptr) return wrong(fields[7], "the name of a GEMM kernel");
  if (!parse(fields[8], 1, entry.split_k)) return wrong(fields[8], "a number of slices of K");
  if (count > kFields) {
    entry.quantize_kernel = find_quantize_kernel(fields[kFields]);
    if (entry.quantize_kernel == nullptr) {
      return wrong(fields[kFields], "the name of a quantize kernel");
    }
  }
  return obstacle(key, entry);
}

/// Adds the entries of `text` to `table`.
Status parse_table(std::string_view text, TuningTable& table) {
  if (text.data() == nullptr && !text.empty()) {
    return {StatusCode::InvalidProblem,
            formatted("the tuning table has {} characters at a null pointer; pass its text",
                      text.size())};
  }
  if (const auto first = trimmed(take_line(text)); first != kFirstLine) {
    constexpr std::size_t kMostShown = 80;
    return {StatusCode::InvalidProblem,
            formatted("the first line of a tuning table is \"{}\", and here it is \"{}\"; pass a "
                      "table of that version",
                      kFirstLine, first.substr(0, kMostShown))};
  }
  int entries = 0;
  int skipped = 0;
  std::string first_reason;
  for (int number = 2; !text.empty(); ++number) {
    const std::string_view line = without_comment(take_line(text));
    if (line.empty()) continue;
    ++entries;
    ParsedLine parsed;
    const std::string reason = parse_entry(line, parsed);
    if (reason.empty()) {
      table.add(parsed.key, parsed.entry);
    } else if (skipped++ == 0) {
      first_reason = formatted("line {}: {}", number, reason);
    }
  }
  if (skipped == 0) return {};
  return {StatusCode::Unsupported,
          formatted("{} of the tuning table's {} entries were skipped; correct or drop them, the "
                    "first is in {}",
                    skipped, entries, first_reason)};
}

/// Outlives every thread that might still select while the program ends.
template <class T>
union NeverDestroyed {
  constexpr NeverDestroyed() : value() {}
  ~NeverDestroyed() {}  // NOLINT(modernize-use-equals-default): that would be deleted.
  NeverDestroyed(const NeverDestroyed&) = delete;
  NeverDestroyed& operator=(const NeverDestroyed&) = delete;
  T value;
};

std::mutex table_mutex;
constinit NeverDestroyed<std::shared_ptr<const TuningTable>> current_table;
std::atomic<std::uint64_t> generation{0};  // 0 until the environment's table has been read.

void replace_table(std::shared_ptr<const TuningTable> table) {
  current_table.value.swap(table);
  generation.fetch_add(1, std::memory_order_release);
}

Status add_entries(std::string_view text) {
  auto table = current_table.value == nullptr ? std::make_shared<TuningTable>()
                                              : std::make_shared<TuningTable>(*current_table.value);
  Status status = parse_table(text, *table);
  if (status.code() != StatusCode::InvalidProblem) replace_table(std::move(table));
  return status;
}

Status no_memory() { return {StatusCode::Unsupported, no_memory_text()}; }

Status read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.is_open() && !file.bad()) return add_entries(text);
  return {StatusCode::Unsupported, "the file cannot be read"};
}

/// Reads the environment's table, if nobody has. A wrong one must not stop anybody: it is told.
void read_environment() noexcept {
  const char* path = nullptr;
  Status status;
  {
    const std::lock_guard lock(table_mutex);
    if (generation.load(std::memory_order_relaxed) != 0) return;
    path = std::getenv(kTableVariable);
    try {
      if (path != nullptr && *path != '\0') status = read_file(path);
    } catch (...) {
      status = no_memory();
    }
    if (generation.load(std::memory_order_relaxed) == 0) replace_table(nullptr);
  }
  // Without the lock: a callback may select.
  if (!status.ok()) {
    log_line(formatted("qlinear: {}={}: {}", kTableVariable, path, status.message()));
  }
}

/// Throws where there is no memory, which `formatted` does not.
std::string line_of(const TuningKey& key, const TuningEntry& entry) {
  using std::to_string;
  std::string line = to_string(key.architecture / 10) + '.' + to_string(key.architecture % 10);
  line.append(" ").append(to_string(key.num_sms));
  line.append(" ").append(qlinear::to_string(key.activation_element));
  line.append(" ").append(qlinear::to_string(key.weight_element));
  line.append(" ").append(to_string(key.n)).append(" ").append(to_string(key.k));
  line.append(" ").append(to_string(entry.first_m));
  if (entry.last_m != entry.first_m) line.append("-").append(to_string(entry.last_m));
  line.append(" ").append(entry.kernel->name).append(" ").append(to_string(entry.split_k));
  if (entry.quantize_kernel != nullptr) line.append(" ").append(entry.quantize_kernel->name);
  return line;
}

}  // namespace

void TuningTable::add(const TuningKey& key, const TuningEntry& entry) {
  auto& entries = entries_[key];
  std::erase(entries, entry);
  entries.push_back(entry);
}

std::span<const TuningEntry> TuningTable::entries(const TuningKey& key) const noexcept {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  return found->second;
}

std::string TuningTable::text() const {
  std::string text;
  for (const auto& [key, entries] : entries_) {
    for (const auto& entry : entries) text.append(line_of(key, entry)).append("\n");
  }
  return text;
}

std::uint64_t tuning_generation() noexcept {
  const std::uint64_t known = generation.load(std::memory_order_acquire);
  if (known != 0) return known;
  read_environment();
  return generation.load(std::memory_order_acquire);
}

std::shared_ptr<const TuningTable> tuning_table() noexcept {
  const std::lock_guard lock(table_mutex);
  return current_table.value;
}

}  // namespace qlinear::detail

namespace qlinear {

Status import_tuning_table(std::string_view text) noexcept {
  (void)detail::tuning_generation();
  try {
    const std::lock_guard lock(detail::table_mutex);
    return detail::add_entries(text);
  } catch (...) {
    return detail::no_memory();
  }
}

Result<std::string> export_tuning_table() noexcept {
  (void)detail::tuning_generation();
  try {
    const auto table = detail::tuning_table();
    std::string text(detail::kFirstLine);
    text.append("\n").append(detail::kLegend).append("\n");
    if (table != nullptr) text += table->text();
    return text;
  } catch (...) {
    return detail::no_memory();
  }
}

void clear_tuning_table() noexcept {
  (void)detail::tuning_generation();
  std::shared_ptr<const detail::TuningTable> old;
  const std::lock_guard lock(detail::table_mutex);
  old = detail::current_table.value;  // Its memory is given back without the lock.
  detail::replace_table(nullptr);
}

}  // namespace qlinear
