#pragma once

#include <qlinear/export.hpp>
#include <qlinear/kernel_sku.hpp>

#include <vector>

namespace qlinear {

/// Every kernel in the library, in the order of the kernel table, whether or not this machine's GPU
/// runs it. `element` and `weight_element` are left at their defaults: see `supports`.
QLINEAR_API std::vector<KernelSku> registered_kernels();

/// Whether the registered kernel `sku` is compiled for that pair of types. Every GPU has a kernel
/// for each pair of the build; tiles that only tune are compiled for f16 and bf16 with s8.
QLINEAR_API bool supports(const KernelSku& sku, ElementKind element,
                          ElementKind weight_element) noexcept;

}  // namespace qlinear
