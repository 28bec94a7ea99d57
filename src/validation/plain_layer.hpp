#pragma once

#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>

namespace qlinear::detail {

/// Whether the quantize pass is the one that every kernel knows: of the activation itself, by its
/// own range, symmetric.
inline bool is_plain(const DynamicRangeQuantizeDescriptor& descriptor) noexcept {
  return descriptor.source == SourceDescriptor{} && descriptor.scale == ScaleDescriptor{} &&
         !descriptor.sums;
}

/// Refuses what a descriptor can say, but no GEMM computes. Errors: Unsupported.
inline Status require_plain_product(const QuantizedLinearDescriptor& descriptor) {
  if (!has_zero_points(descriptor.scale) && !descriptor.weight_zero_points &&
      descriptor.epilogue == EpilogueDescriptor{} && descriptor.scale.kind != ScaleKind::Given) {
    return {};
  }
  return {StatusCode::Unsupported,
          "no kernel computes the zero points or the epilogue asked for; leave them "
          "value-initialised"};
}

}  // namespace qlinear::detail
