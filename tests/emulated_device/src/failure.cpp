#include "failure.hpp"

#include "settings.hpp"
#include "text.hpp"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <mutex>

namespace qlinear::emulated_device {
namespace {

struct Reported {
  std::mutex mutex;
  std::string message;
  std::uint64_t seed = settings().seed;
};

Reported& reported() {
  static Reported instance;
  return instance;
}

void append_waiting(std::string& out, const Block& block) {
  std::map<std::string, unsigned> waiting;
  for (const Thread& thread : block.threads) {
    if (thread.waiting_at != nullptr) ++waiting[thread.waiting_at];
  }
  out += "\n  block " + to_string(block.index) + ":";
  for (const auto& [instruction, threads] : waiting) {
    out += text(" %u threads at %s,", threads, instruction.c_str());
  }
  out += text(" %u exited", block.exited);
}

}  // namespace

std::string describe(const LaunchRequest& launch) {
  return std::string("kernel '") + launch.name + "' grid " + to_string(launch.grid) + " block " +
         to_string(launch.block);
}

std::string describe(const Thread& thread) {
  return describe(grid_of(thread).launch) + ": block " + to_string(block_of(thread).index) +
         " thread " + to_string(thread.index);
}

std::string describe_waiting(const Grid& grid) {
  std::string out;
  for (const auto& cluster : grid.resident) {
    for (const Block& block : cluster->blocks) append_waiting(out, block);
  }
  return out;
}

void report(const std::string& message) {
  const std::lock_guard lock(reported().mutex);
  reported().message = message + text(" [QLINEAR_EMULATED_SEED=%" PRIu64 "]", reported().seed);
  std::fprintf(stderr, "qlinear emulated device: %s\n", reported().message.c_str());
}

std::string last_reported() {
  const std::lock_guard lock(reported().mutex);
  return reported().message;
}

void forget_reported() {
  const std::lock_guard lock(reported().mutex);
  reported().message.clear();
}

std::uint64_t current_seed() {
  const std::lock_guard lock(reported().mutex);
  return reported().seed;
}

void set_current_seed(std::uint64_t seed) {
  const std::lock_guard lock(reported().mutex);
  reported().seed = seed;
}

}  // namespace qlinear::emulated_device
