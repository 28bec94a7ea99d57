#pragma once

#include <cuda_runtime_api.h>
#include <harness/clocks.hpp>
#include <harness/floor.hpp>
#include <harness/graph_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace qlinear::benchmark {

/// The current GPU.
struct Device {
  std::string name;
  std::string pci_bus_id;
  int compute_capability = 0;  ///< major * 10 + minor
  int num_sms = 0;
  std::int64_t l2_bytes = 0;
  int runtime_version = 0;  ///< Of CUDA, as `cudaRuntimeGetVersion` gives it.
  /// How many clusters of 1, 2, ... blocks run at once with one block an SM, and with
  /// two: "132 66 ..., 264 132 ...". Empty where there are no clusters.
  std::string clusters_at_once;
  std::size_t shared_bytes_per_sm = 0;
  double memory_bytes_per_clock = 0;  ///< As selection sees it.
};

Device current_device();

/// Measures what the current GPU can do: the best of a copy kernel and the runtime's copy, a kernel
/// that only reads, and the faster of mma.sync and wgmma on operands that stay in registers and
/// shared memory, which is measured once more at the GPU's power limit.
MachineRates measure_machine(const Device& device, const GraphTimer& timer);

}  // namespace qlinear::benchmark
