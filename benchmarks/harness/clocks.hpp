#pragma once

#include <string>

namespace qlinear::benchmark {

struct ClockReading {
  unsigned sm_mhz = 0;
  unsigned memory_mhz = 0;
  unsigned power_watts = 0;
};

/// Clocks of one GPU through NVML, which is loaded at run time. Reads zeros where there is no NVML.
class ClockMonitor {
 public:
  /// `pci_bus_id`: domain:bus:device.function, in hexadecimal.
  explicit ClockMonitor(const std::string& pci_bus_id);
  ~ClockMonitor();
  ClockMonitor(const ClockMonitor&) = delete;
  ClockMonitor& operator=(const ClockMonitor&) = delete;

  ClockReading read() const;
  /// Version of the driver; "unknown" without NVML.
  std::string driver_version() const;

 private:
  void* library_ = nullptr;
  void* device_ = nullptr;
};

}  // namespace qlinear::benchmark
