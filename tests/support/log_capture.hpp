#pragma once

#include <qlinear/log.hpp>

#include <string>
#include <vector>

namespace qlinear::test {

/// Collects log lines for a scope.
class LogCapture {
 public:
  LogCapture() {
    set_log_callback(
        [](void* lines, const char* line) {
          static_cast<std::vector<std::string>*>(lines)->emplace_back(line);
        },
        &lines_);
  }
  ~LogCapture() { set_log_callback(nullptr, nullptr); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

}  // namespace qlinear::test
