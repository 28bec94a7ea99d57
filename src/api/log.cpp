#include <api/log.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <string_view>

namespace qlinear {
namespace {

struct Sink {
  LogCallback callback = nullptr;
  void* user = nullptr;
};

std::mutex sink_mutex;
Sink sink;

Sink current_sink() {
  const std::lock_guard lock(sink_mutex);
  return sink;
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Returns whether `text` is `word`, in either case.
bool same_word(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char a, char b) { return lower(a) == b; });
}

}  // namespace

void set_log_callback(LogCallback callback, void* user) noexcept {
  const std::lock_guard lock(sink_mutex);
  sink = {callback, user};
}

namespace detail {

bool log_enabled() noexcept {
  const char* value = std::getenv("QLINEAR_LOG");
  if (value == nullptr) return false;
  constexpr std::array<std::string_view, 5> kOff = {"", "0", "off", "no", "false"};
  return std::none_of(std::begin(kOff), std::end(kOff),
                      [value](std::string_view off) { return same_word(value, off); });
}

void log_line(const std::string& line) noexcept {
  const Sink target = current_sink();
  if (target.callback == nullptr) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  try {
    target.callback(target.user, line.c_str());
  } catch (...) {  // A lost line does the plan no harm, and `select` never throws.
  }
}

}  // namespace detail
}  // namespace qlinear
