#pragma once

#include <qlinear/problem.hpp>

namespace qlinear::detail {

/// Whether the quantize pass is the one that every kernel knows: of the activation itself, by its
/// own range, symmetric.
inline bool is_plain(const DynamicRangeQuantizeDescriptor& descriptor) noexcept {
  return descriptor.source == SourceDescriptor{} && descriptor.scale == ScaleDescriptor{} &&
         !descriptor.sums;
}

}  // namespace qlinear::detail
