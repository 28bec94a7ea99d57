#include <log.hpp>

#include <cstdio>
#include <cstdlib>
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

}  // namespace

void set_log_callback(LogCallback callback, void* user) noexcept {
  const std::lock_guard lock(sink_mutex);
  sink = {callback, user};
}

namespace detail {

bool log_enabled() noexcept {
  const char* value = std::getenv("QLINEAR_LOG");
  return value != nullptr && std::string_view(value) == "1";
}

void log_line(const std::string& line) noexcept {
  const Sink target = current_sink();
  if (target.callback == nullptr) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  try {
    target.callback(target.user, line.c_str());
  } catch (...) {  // A plan is no worse for a line that is lost, and `select` never throws.
  }
}

}  // namespace detail
}  // namespace qlinear
