#pragma once

#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>

#include <type_traits>
namespace qlinear::detail {

/// Refuses what a descriptor can say, but nothing computes. Errors: Unsupported.
template <class Descriptor>
Status require_plain(const Descriptor& descriptor) {
  Descriptor plain = descriptor;
  plain.source = {};
  plain.scale = {};
  bool same = plain.source == descriptor.source && plain.scale == descriptor.scale;
  if constexpr (std::is_same_v<Descriptor, QuantizedLinearDescriptor>) {
    same = same && !descriptor.weight_zero_points && descriptor.epilogue == EpilogueDescriptor{};
  } else {
    same = same && !descriptor.sums;
  }
  if (same) return {};
  return {StatusCode::Unsupported,
          "nothing computes the source, scale, zero points or epilogue asked for; leave them "
          "value-initialised"};
}

}  // namespace qlinear::detail
