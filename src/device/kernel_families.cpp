#include <device/kernel_families.hpp>

#include <device/architectures.hpp>

namespace qlinear::detail {

namespace {

/// Those whose code on a GPU of `architecture` is that of `oldest` or a later one.
KernelFamilies families_with_code(int architecture, int oldest) {
  KernelFamilies families;
  for (int i = 0; i < kKernelFamilies; ++i) {
    const auto family = static_cast<KernelFamily>(i);
    if (code_version(compiled_for(family), architecture) >= oldest) families.insert(family);
  }
  return families;
}

}  // namespace

KernelFamilies families_on(int architecture) { return families_with_code(architecture, 1); }

KernelFamilies families_with_programmatic_launch(int architecture) {
  return families_with_code(architecture, 90);
}

}  // namespace qlinear::detail
