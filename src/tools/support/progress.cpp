#include "support/progress.hpp"

#include "support/text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace qlinear::tools {

using Clock = std::chrono::steady_clock;

Progress::Progress(std::string what, std::uint64_t total, bool quiet)
    : what_(std::move(what)),
      total_(total),
      quiet_(quiet || total == 0),
      terminal_(isatty(STDERR_FILENO) == 1),
      begin_(Clock::now()),
      last_drawn_(begin_) {}

Progress::~Progress() {
  if (drawn_) std::fputc('\n', stderr);
}

void Progress::advance(std::uint64_t bytes) {
  if (quiet_) return;
  const std::lock_guard lock(mutex_);
  done_ += bytes;
  const double share = static_cast<double>(done_) / static_cast<double>(total_);
  if (terminal_) {
    draw(share);
  } else {
    print_line(share);
  }
}

void Progress::draw(double share) {
  constexpr std::chrono::milliseconds kInterval{100};
  constexpr int kWidth = 30;
  const auto now = Clock::now();
  if (drawn_ && done_ < total_ && now - last_drawn_ < kInterval) return;
  last_drawn_ = now;
  drawn_ = true;
  const double elapsed = std::chrono::duration<double>(now - begin_).count();
  const int filled = static_cast<int>(share * kWidth);
  fmt::print(stderr, "\r{} [{:#<{}}{:.<{}}] {:3.0f} % of {}, {:.0f} s left \x1b[K", what_, "",
             filled, "", kWidth - filled, 100 * share, bytes_text(total_),
             elapsed * (1 / share - 1));
  std::fflush(stderr);
}

void Progress::print_line(double share) {
  constexpr std::chrono::seconds kInterval{5};
  const int tenths = static_cast<int>(share * 10);
  const auto now = Clock::now();
  if (tenths == printed_tenths_ || now - last_drawn_ < kInterval) return;
  last_drawn_ = now;
  printed_tenths_ = tenths;
  fmt::print(stderr, "{}: {} % of {}\n", what_, tenths * 10, bytes_text(total_));
}

}  // namespace qlinear::tools
