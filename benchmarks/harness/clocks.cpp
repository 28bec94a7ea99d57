#include <harness/clocks.hpp>

#include <dlfcn.h>

#include <array>

namespace qlinear::benchmark {
namespace {

// Of NVML's interface, which the toolkit's headers do not always hold.
constexpr int kSuccess = 0;
constexpr int kSmClock = 1;
constexpr int kMemoryClock = 2;
using Init = int (*)();
using GetHandle = int (*)(const char*, void**);
using GetClock = int (*)(void*, int, unsigned*);
using GetPower = int (*)(void*, unsigned*);
using GetDriverVersion = int (*)(char*, unsigned);

template <class Function>
Function symbol(void* library, const char* name) {
  return library == nullptr ? nullptr : reinterpret_cast<Function>(dlsym(library, name));
}

unsigned clock_mhz(void* library, void* device, int which) {
  unsigned mhz = 0;
  const auto get = symbol<GetClock>(library, "nvmlDeviceGetClockInfo");
  if (get == nullptr || get(device, which, &mhz) != kSuccess) return 0;
  return mhz;
}

unsigned power_watts(void* library, void* device) {
  unsigned milliwatts = 0;
  const auto get = symbol<GetPower>(library, "nvmlDeviceGetPowerUsage");
  if (get == nullptr || get(device, &milliwatts) != kSuccess) return 0;
  return milliwatts / 1000;
}

}  // namespace

ClockMonitor::ClockMonitor(const std::string& pci_bus_id)
    : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
  const auto init = symbol<Init>(library_, "nvmlInit_v2");
  const auto get_handle = symbol<GetHandle>(library_, "nvmlDeviceGetHandleByPciBusId_v2");
  if (init == nullptr || get_handle == nullptr || init() != kSuccess) return;
  if (get_handle(pci_bus_id.c_str(), &device_) != kSuccess) device_ = nullptr;
}

ClockMonitor::~ClockMonitor() {
  if (library_ != nullptr) dlclose(library_);
}

ClockReading ClockMonitor::read() const {
  if (device_ == nullptr) return {};
  return {clock_mhz(library_, device_, kSmClock), clock_mhz(library_, device_, kMemoryClock),
          power_watts(library_, device_)};
}

std::string ClockMonitor::driver_version() const {
  std::array<char, 96> version{};
  const auto get = symbol<GetDriverVersion>(library_, "nvmlSystemGetDriverVersion");
  if (get == nullptr || get(version.data(), static_cast<unsigned>(version.size())) != kSuccess) {
    return "unknown";
  }
  return version.data();
}

}  // namespace qlinear::benchmark
