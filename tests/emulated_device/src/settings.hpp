#pragma once

#include <cstddef>
#include <cstdint>

namespace qlinear::emulated_device {

/// What the environment asks for, read once:
///
/// | variable                   | meaning                                      | default          |
/// |----------------------------|----------------------------------------------|------------------|
/// | QLINEAR_EMULATED_SEED      | seed of every choice                         | 1                |
/// | QLINEAR_EMULATED_SM        | compute capability, major * 10 + minor       | 90               |
/// | QLINEAR_EMULATED_SM_COUNT  | number of SMs                                | that of the GPU  |
/// | QLINEAR_EMULATED_L2_BYTES  | size of the L2 cache                         | that of the GPU  |
/// | QLINEAR_EMULATED_DEVICES   | number of devices, 0 to 16                   | 1                |
struct Settings {
  std::uint64_t seed;
  int compute_capability;
  int num_sms;
  int l2_bytes;
  int devices;
};

/// Returns the settings of this process. A variable that is no number in its range ends the process
/// with a message: a mistyped seed must not pass for a reproduction.
const Settings& settings();

/// Limits of one GPU generation that programs can see. Source: CUDA C++ Programming Guide,
/// "Technical Specifications per Compute Capability".
struct DeviceLimits {
  int num_sms;  ///< The largest GPU of the generation has this many.
  std::size_t shared_bytes_per_sm;
  std::size_t shared_bytes_per_block_optin;  ///< The limit with cudaFuncSetAttribute.
  int threads_per_sm;
  int blocks_per_sm;
  int l2_bytes;
};

/// A kernel may use this much dynamic shared memory without cudaFuncSetAttribute.
inline constexpr std::size_t kDefaultSharedBytes = 48 * 1024;
/// From sm_80 on the system reserves this much shared memory for each block; before it reserves
/// none.
inline constexpr std::size_t kReservedSharedBytes = 1024;
inline constexpr unsigned kMaxThreadsPerBlock = 1024;
inline constexpr unsigned kMaxPortableClusterBlocks = 8;
inline constexpr std::size_t kMaxParameterBytes = 32764;
inline constexpr std::size_t kDeviceBytes = std::size_t{80} << 30;
inline constexpr int kWarpSize = 32;

/// Returns the limits of `compute_capability`; null for one that is not modelled.
const DeviceLimits* find_limits(int compute_capability);

}  // namespace qlinear::emulated_device
