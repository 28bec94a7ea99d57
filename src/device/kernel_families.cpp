#include <device/kernel_families.hpp>

#include <device/architectures.hpp>

namespace qlinear::detail {

KernelFamilies families_on(int architecture) {
  KernelFamilies families;
  for (int i = 0; i < kKernelFamilies; ++i) {
    const auto family = static_cast<KernelFamily>(i);
    if (runs_on(compiled_for(family), architecture)) families.insert(family);
  }
  return families;
}

}  // namespace qlinear::detail
