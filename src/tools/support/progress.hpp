#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace qlinear::tools {

/// How far a command has come, on stderr: a bar that moves on a terminal, and elsewhere a
/// line each tenth, but none within 5 seconds. Threads may share it.
class Progress {
 public:
  /// `total` counts bytes. `quiet` shows nothing.
  Progress(std::string what, std::uint64_t total, bool quiet);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Leaves the line of a bar.
  ~Progress();

  void advance(std::uint64_t bytes);

 private:
  void draw(double share);
  void print_line(double share);

  const std::string what_;
  const std::uint64_t total_;
  const bool quiet_;
  const bool terminal_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  int printed_tenths_ = 0;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point last_drawn_;
};

}  // namespace qlinear::tools
