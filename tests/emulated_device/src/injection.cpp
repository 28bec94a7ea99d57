#include "injection.hpp"

#include "random.hpp"
#include "runtime.hpp"

#include <emulated_device/emulated_device.hpp>

#include <atomic>
#include <string>
#include <thread>

namespace qlinear::emulated_device {
namespace {

struct FailingCall {
  std::string name;
  cudaError_t error;
  int skipped;
  int count;
};

struct Injections {
  std::mutex mutex;
  std::vector<FailingCall> failing;
  std::atomic<bool> any{false};
  std::atomic<std::int64_t> delay_microseconds{0};
  std::atomic<std::uint64_t> delays{0};
};

Injections& injections() {
  static auto* instance = new Injections;
  return *instance;
}

/// Returns whether this call has to fail.
bool meets(FailingCall& failing) {
  if (failing.skipped > 0) {
    --failing.skipped;
    return false;
  }
  if (failing.count == 0) return false;
  --failing.count;
  return true;
}

}  // namespace

cudaError_t injected_failure(const char* call) {
  if (!injections().any.load(std::memory_order_acquire)) return cudaSuccess;
  const std::lock_guard lock(injections().mutex);
  for (FailingCall& failing : injections().failing) {
    if (failing.name == call && meets(failing)) return remember(failing.error);
  }
  return cudaSuccess;
}

void delay_function_attribute() {
  const std::int64_t most = injections().delay_microseconds.load();
  if (most == 0) return;
  Random random(current_seed() + injections().delays.fetch_add(1));
  const auto wait = random.below(static_cast<std::uint64_t>(most) + 1);
  std::this_thread::sleep_for(std::chrono::microseconds(wait));
}

void fail_calls(const char* call, cudaError_t error, int skipped, int count) {
  const std::lock_guard lock(injections().mutex);
  injections().failing.push_back({call, error, skipped, count});
  injections().any.store(true, std::memory_order_release);
}

void clear_failing_calls() {
  const std::lock_guard lock(injections().mutex);
  injections().failing.clear();
  injections().any.store(false, std::memory_order_release);
}

void delay_function_attributes(std::chrono::microseconds most) {
  injections().delay_microseconds.store(most.count());
}

}  // namespace qlinear::emulated_device
