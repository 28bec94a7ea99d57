#pragma once

#include <qlinear/export.hpp>
#include <qlinear/kernel_sku.hpp>

#include <cstddef>

namespace qlinear {

/// A view of kernels in static storage. Its layout does not depend on the checks that a program is
/// compiled with, which a standard container's may.
class KernelList {
 public:
  constexpr KernelList() noexcept = default;
  constexpr KernelList(const KernelSku* first, std::size_t size) noexcept
      : first_(first), size_(size) {}

  constexpr const KernelSku* begin() const noexcept { return first_; }
  constexpr const KernelSku* end() const noexcept { return first_ + size_; }
  constexpr const KernelSku* data() const noexcept { return first_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  /// Precondition: `index < size()`.
  constexpr const KernelSku& operator[](std::size_t index) const noexcept { return first_[index]; }

 private:
  const KernelSku* first_ = nullptr;
  std::size_t size_ = 0;
};

/// Lists every kernel in the library, in the order of the kernel table, whether or not this
/// machine's GPU runs it. `element` and `weight_element` hold their defaults: see `supports`.
QLINEAR_API KernelList registered_kernels() noexcept;

/// Returns whether the registered kernel `sku` is compiled for that pair of types; of a quantize
/// kernel the second is the type of q, S8. Every GPU has a kernel for each pair of the build; tiles
/// that only tune, and `quantize_shared`, are compiled for f16 and bf16 with s8.
QLINEAR_API bool supports(const KernelSku& sku, ElementKind element,
                          ElementKind weight_element) noexcept;

}  // namespace qlinear
