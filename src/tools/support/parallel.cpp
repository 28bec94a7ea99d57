#include "support/parallel.hpp"

#include "support/interrupt.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace qlinear::tools {

void for_each_in_parallel(std::size_t count, int threads,
                          const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::exception_ptr first;
  const auto take_turns = [&] {
    try {
      for (std::size_t i = next++; i < count && !stop; i = next++) {
        stop_if_interrupted();
        work(i);
      }
    } catch (...) {
      stop = true;
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
    }
  };
  const std::size_t helpers = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  std::vector<std::thread> pool;
  pool.reserve(helpers);
  try {
    for (std::size_t i = 1; i < helpers; ++i) pool.emplace_back(take_turns);
  } catch (const std::system_error&) {
    // A container may allow fewer threads; those that there are do all of the work.
  }
  take_turns();
  for (std::thread& thread : pool) thread.join();
  if (first) std::rethrow_exception(first);
}

int available_threads() {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof(processors), &processors) == 0) return CPU_COUNT(&processors);
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace qlinear::tools
