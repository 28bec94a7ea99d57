#pragma once

#include <qlinear/export.hpp>
#include <qlinear/kernel_sku.hpp>

#include <vector>

namespace qlinear {

/// Every kernel in the library, in the order of the kernel table, whether or not this machine's GPU
/// runs it. `element` and `weight_element` are left at their defaults: each kernel takes every
/// pair.
QLINEAR_API std::vector<KernelSku> registered_kernels();

}  // namespace qlinear
