#include "support/interrupt.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace qlinear::tools {
namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may use it");

extern "C" void remember_signal(int signal) { received = signal; }

}  // namespace

void remember_interrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // nohup has it ignored, and so it stays.
    if (std::signal(signal, remember_signal) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
}

void stop_if_interrupted() {
  if (const int signal = received; signal != 0) throw Interrupted{signal};
}

void end_by_signal(const Interrupted& interrupted) {
  std::signal(interrupted.signal, SIG_DFL);
  std::raise(interrupted.signal);
  std::abort();
}

}  // namespace qlinear::tools
