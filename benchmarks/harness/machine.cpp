#include <fmt/format.h>
#include <fmt/ranges.h>
#include <benchmark/device_code.hpp>
#include <device/device_info.hpp>
#include <harness/cuda_check.hpp>
#include <harness/device_buffer.hpp>
#include <harness/machine.hpp>

#include <algorithm>
#include <vector>

namespace qlinear::benchmark {
namespace {

constexpr std::int64_t kBandwidthBytes = std::int64_t{1} << 30;
constexpr TimingBudget kBudget{0.030, 1e-3, 10, 50};

std::string clusters_at_once(const detail::DeviceInfo& info) {
  std::string text;
  for (const auto& by_blocks : info.clusters_at_once) {
    if (by_blocks[1] == 0) return "";
    text += fmt::format("{}{}", text.empty() ? "" : ", ",
                        fmt::join(by_blocks.begin() + 1, by_blocks.end(), " "));
  }
  return text;
}

int attribute(int device, cudaDeviceAttr which) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

/// Bytes a second, where one call moves `bytes`.
double bandwidth(const GraphTimer& timer, double bytes, const EnqueueCall& enqueue) {
  enqueue(timer.stream(), 0);
  return bytes / timer.time(1, enqueue, kBudget).seconds_per_call.median;
}

struct Buffers {
  DeviceBuffer<std::int8_t> from{kBandwidthBytes};
  DeviceBuffer<std::int8_t> to{kBandwidthBytes};
  DeviceBuffer<unsigned> sink{1};
};

double copy_bandwidth(const Buffers& buffers, int num_sms, const GraphTimer& timer) {
  const auto through_runtime = [&](cudaStream_t stream, int) {
    check(cudaMemcpyAsync(buffers.to.data(), buffers.from.data(), buffers.to.bytes(),
                          cudaMemcpyDeviceToDevice, stream));
  };
  const double bytes = 2.0 * static_cast<double>(kBandwidthBytes);
  double best = bandwidth(timer, bytes, through_runtime);
  for (const int blocks_of_each : {8, 16, 64}) {
    const auto through_kernel = [&](cudaStream_t stream, int) {
      check(copy_bytes(buffers.to.data(), buffers.from.data(), kBandwidthBytes,
                       blocks_of_each * num_sms, stream));
    };
    best = std::max(best, bandwidth(timer, bytes, through_kernel));
  }
  return best;
}

double read_bandwidth(const Buffers& buffers, int num_sms, const GraphTimer& timer) {
  double best = 0;
  for (const int blocks_of_each : {8, 16, 64}) {
    const auto read = [&](cudaStream_t stream, int) {
      check(read_bytes(buffers.from.data(), kBandwidthBytes, blocks_of_each * num_sms,
                       buffers.sink.data(), stream));
    };
    best = std::max(best, bandwidth(timer, static_cast<double>(kBandwidthBytes), read));
  }
  return best;
}

using RateLoop = cudaError_t (*)(const std::int8_t*, int, int, unsigned*, double*, cudaStream_t);

/// Operations a second of `loop`.
double rate(const Buffers& buffers, RateLoop loop, int blocks, const GraphTimer& timer,
            const TimingBudget& budget) {
  constexpr int kIterations = 4000;
  double operations = 0;
  const auto run = [&](cudaStream_t stream) {
    return loop(buffers.from.data(), kIterations, blocks, buffers.sink.data(), &operations, stream);
  };
  check(run(timer.stream()));
  const auto call = [&](cudaStream_t stream, int) { check(run(stream)); };
  return operations / timer.time(1, call, budget).seconds_per_call.median;
}

double int8_rate(const Buffers& buffers, const Device& device, const GraphTimer& timer,
                 const TimingBudget& budget) {
  double best = rate(buffers, &run_mma_sync, 2 * device.num_sms, timer, budget);
#ifdef QLINEAR_BENCHMARK_SM90A
  if (device.compute_capability == 90) {
    best = std::max(best, rate(buffers, &run_wgmma, device.num_sms, timer, budget));
  }
#endif
  return best;
}

}  // namespace

Device current_device() {
  int ordinal = 0;
  check(cudaGetDevice(&ordinal));
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, ordinal));
  Device device;
  device.name = properties.name;
  device.pci_bus_id = fmt::format("{:08x}:{:02x}:{:02x}.0", properties.pciDomainID,
                                  properties.pciBusID, properties.pciDeviceID);
  device.compute_capability = attribute(ordinal, cudaDevAttrComputeCapabilityMajor) * 10 +
                              attribute(ordinal, cudaDevAttrComputeCapabilityMinor);
  device.num_sms = attribute(ordinal, cudaDevAttrMultiProcessorCount);
  device.l2_bytes = attribute(ordinal, cudaDevAttrL2CacheSize);
  check(cudaRuntimeGetVersion(&device.runtime_version));
  const auto info = detail::device_info(ordinal);
  check(info.status());
  device.clusters_at_once = clusters_at_once(*info.value());
  device.shared_bytes_per_sm = info.value()->shared_bytes_per_sm;
  device.memory_bytes_per_clock = info.value()->memory_bytes_per_clock;
  return device;
}

MachineRates measure_machine(const Device& device, const GraphTimer& timer) {
  const Buffers buffers;
  check(fill_gaussian(buffers.from.data(), buffers.from.count(), 0, timer.stream()));
  MachineRates rates;
  rates.copy_bytes_per_second = copy_bandwidth(buffers, device.num_sms, timer);
  rates.read_bytes_per_second = read_bandwidth(buffers, device.num_sms, timer);
  rates.int8_operations_per_second = int8_rate(buffers, device, timer, kBudget);
  TimingBudget sustained = kBudget.settled();
  sustained.settle_seconds = 0.5;
  rates.sustained_int8_operations_per_second = int8_rate(buffers, device, timer, sustained);
  return rates;
}

}  // namespace qlinear::benchmark
