#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace qlinear::detail {

/// A family is a set of kernels that are compiled for the same GPUs.
enum class KernelFamily : std::uint8_t {
  Quantize,
  QuantizeCluster,
  Dp4a,
  MmaM8N8K16,
  MmaM16N8K32,
  Sm90a,
};
inline constexpr int kKernelFamilies = 6;

/// Returns what `family` is compiled for, in the form of CMake's CUDA_ARCHITECTURES; empty if the
/// build leaves it out.
constexpr const char* compiled_for(KernelFamily family) noexcept {
  constexpr std::array<const char*, kKernelFamilies> kArchitectures = {
      QLINEAR_FAMILY_QUANTIZE,    QLINEAR_FAMILY_QUANTIZE_CLUSTER, QLINEAR_FAMILY_DP4A,
      QLINEAR_FAMILY_MMA_M8N8K16, QLINEAR_FAMILY_MMA_M16N8K32,     QLINEAR_FAMILY_SM90A};
  return kArchitectures[static_cast<std::size_t>(family)];
}

/// Returns whether the build holds `family`. Its launchers may be named only then.
constexpr bool is_compiled(KernelFamily family) noexcept { return *compiled_for(family) != '\0'; }

/// A set of families.
class KernelFamilies {
 public:
  constexpr void insert(KernelFamily family) noexcept {
    bits_ = static_cast<std::uint8_t>(bits_ | bit(family));
  }
  constexpr bool contains(KernelFamily family) const noexcept { return (bits_ & bit(family)) != 0; }

 private:
  static constexpr unsigned bit(KernelFamily family) noexcept {
    return 1U << static_cast<unsigned>(family);
  }
  std::uint8_t bits_ = 0;
};

/// Returns the families whose code runs on compute capability `architecture` (major * 10 + minor).
KernelFamilies families_on(int architecture);

/// Those of them that can be launched programmatically: whose code there waits for its predecessors
/// by griddepcontrol. PTX of an architecture before 9.0 has no such instruction, also on later
/// GPUs.
KernelFamilies families_with_programmatic_launch(int architecture);

}  // namespace qlinear::detail
