#include <emulated_device/emulated_device.hpp>

#include "failure.hpp"
#include "runtime.hpp"

#include <algorithm>

namespace qlinear::emulated_device {

std::uint64_t seed() { return current_seed(); }

void set_seed(std::uint64_t seed) {
  const std::lock_guard lock(runtime().mutex);
  set_current_seed(seed);
  runtime().random = Random(seed);
}

std::string last_failure() { return last_reported(); }

void clear_failure() {
  const std::lock_guard lock(runtime().mutex);
  for (int device = 0; device < settings().devices; ++device) {
    runtime().synchronise_device(device);
  }
  std::fill(runtime().errors.begin(), runtime().errors.end(), cudaSuccess);
  forget_reported();
  forget_last_error();
}

}  // namespace qlinear::emulated_device
